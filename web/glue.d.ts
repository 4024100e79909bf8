/** What `engines.js.staged` renders: the constants of `wasix.abi.staged`, and a function a call. */
export const DATA: number;
export const LEAST_ERRNO: number;
export const MAX_BUFFERS: number;
export const MAX_RECORDS: number;
export const MAX_TRANSFER: number;
export const PARKED: number;
export const UNWOUND: number;
export const FAULT: number;
export const ILSEQ: number;
export const INVAL: number;
export const NOMEM: number;

/** By call number: makes the function that a guest imports, of the decoder that serves it. */
export const FUNCTIONS: ((guest: import("../engines/browser/guest.js").Guest, callee: any) => Function)[];
