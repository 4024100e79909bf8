/** Made of the ABI's declarations: constants of `wasix.abi`, and what `engines.browser.door` renders. */
export const ARGUMENTS_SIZE: number;
/** How many functions there are. */
export const CALLS: number;
export const DATA: number;
export const ILSEQ: number;
export const PARKED: number;

/** Modules. */
export const GATE: Uint8Array<ArrayBuffer>;
export const DOOR: Uint8Array<ArrayBuffer>;
export const DOOR_ONE_MEMORY: Uint8Array<ArrayBuffer>;
