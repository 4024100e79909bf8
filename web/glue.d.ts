/** Made of the ABI's declarations: constants of `wasix.abi`, and what `engines.browser.door` renders. */
export const AGAIN: number;
export const ARGUMENTS_SIZE: number;
/** How many functions there are. */
export const CALLS: number;
/** Calls that answer the same as long as a program runs, by call number. */
export const CONSTANTS: number[];
/** Calls whose decoders look into memory by themselves, by call number. */
export const COPIED: number[];
export const DATA: number;
export const ILSEQ: number;
export const NOMEM: number;
export const PARKED: number;
/** Calls that give strings, by call number. */
export const STRINGS: number[];
export const SUSPEND: number;
export const UNWOUND: number;
export const UPCALL: number;

/** Of `engines.asyncify`. */
export const AREA: number;
export const DAMAGED: string;
export const DID_NOT_REWIND: string;
export const DID_NOT_UNWIND: string;
export const MOST_UPCALLS: number;
export const NO_ROOM: string;
export const PAGE: number;
export const TOO_DEEP: string;

/** Modules. */
export const GATE: Uint8Array<ArrayBuffer>;
export const DOOR: Uint8Array<ArrayBuffer>;
export const DOOR_ONE_MEMORY: Uint8Array<ArrayBuffer>;
/** Puts functions into a table; see `engines.wasm.waits`. */
export const FILLER: Uint8Array<ArrayBuffer>;
