/** What no further try can mend, whatever the broker is. */

/** Trying again is of no use until somebody has changed a right or a setting. */
export class BrokerRefusal extends Error {
  override name = 'BrokerRefusal';
}

/** There is no connection: nothing was sent. */
export class BrokerAway extends Error {
  override name = 'BrokerAway';
}

/** The broker refuses this message, which came alone: it always will. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}
