/**
 * A guest thread in a worker of its own, which reaches the kernel in another worker by a box
 * (`box.js`) and sleeps while a call is made. The door is here; what it takes for Python passes on what
 * it is called with.
 */
export type Order = {
    state: SharedArrayBuffer;
    /**
     * Those of the box.
     */
    data: SharedArrayBuffer;
    module: WebAssembly.Module;
    wanted: import("./run.js").Wanted;
    /**
     * Shared ones; null if it imports no such.
     */
    memories: WebAssembly.Memory[] | null;
    entry: string;
    given: number[];
    snapshot: import("./run.js").Snapshot | null;
};
/**
 * What a worker needs for one guest thread.
 * @typedef {object} Order
 * @property {SharedArrayBuffer} state @property {SharedArrayBuffer} data Those of the box.
 * @property {WebAssembly.Module} module
 * @property {import("./run.js").Wanted} wanted
 * @property {WebAssembly.Memory[] | null} memories Shared ones; null if it imports no such.
 * @property {string} entry @property {number[]} given
 * @property {import("./run.js").Snapshot | null} snapshot
 */
/** The kernel's side as `run.js` wants it, and what its guest needs. */
export declare class Remote {
    #private;
    /** @type {ConstructorParameters<typeof import("./guest.js").Guest>} */
    guest: ConstructorParameters<typeof import("./guest.js").Guest>;
    memories: WebAssembly.Memory[] | undefined;
    entry: string;
    arguments: number[];
    /** @param {Order} order @param {(data: SharedArrayBuffer | null) => void} send */
    constructor({ state, data, memories, entry, given }: Order, send: (data: SharedArrayBuffer | null) => void);
    /** @param {import("./guest.js").View} view @param {WebAssembly.Memory[]} memories */
    opened({ memory }: import("./guest.js").View, memories: WebAssembly.Memory[]): void;
    restore(): void;
    /** @param {number} area */
    suspended(area: number): number | undefined;
}
