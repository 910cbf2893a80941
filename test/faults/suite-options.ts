/** What the command line says about scenarios that can take more or less time. */
export interface SuiteOptions {
  stormSeconds: number;
  stormSeeds: number;
  stormRegistrations: number;
  /** Of the soak. */
  minutes: number;
  /** Of the soak: registrations a second. */
  rate: number;
}

/** For `npm test`, which has none of them. */
export const QUICK_OPTIONS: SuiteOptions = {
  stormSeconds: 30,
  stormSeeds: 1,
  stormRegistrations: 300,
  minutes: 1,
  rate: 20,
};
