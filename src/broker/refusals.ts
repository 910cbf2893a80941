/** What no further try can mend, whatever the broker is. */
import { Away } from '../net/away.ts';

/** Trying again is of no use until somebody has changed a right or a setting. */
export class BrokerRefusal extends Error {
  override name = 'BrokerRefusal';
}

/** Nothing was sent: there is no connection, or the broker takes nothing for now. */
export class BrokerAway extends Away {
  override name = 'BrokerAway';
}

/** This message is never taken: the broker refuses it, which came alone, or the settings close its queue. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}
