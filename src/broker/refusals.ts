/** What no further try can mend, whatever the broker is. */

/** Trying again is of no use until somebody has changed a right or a setting. */
export class BrokerRefusal extends Error {
  override name = 'BrokerRefusal';
}

/** The broker refuses this message, which came alone: it always will. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}
