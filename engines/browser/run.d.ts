/** Compiling, linking and running a guest on the page's own engine. */
export type Guest = import("./guest.js").Guest;
export type Outcome = import("./outcome.js").Outcome;
export type Wanted = {
    /**
     * Module, name, call number.
     */
    functions: [string, string, number][];
    memories: [string, string, WebAssembly.MemoryDescriptor][];
    tags: [string, string, {
        parameters: string[];
    }][];
    /**
     * Name and type of what a copy of it needs.
     */
    variables?: [string, string][];
    /**
     * If it waits at shared memory, the table for the functions
     * that do it, and their call numbers.
     */
    waits?: [string, number[]];
    /**
     * What was its start function: the export to call first.
     */
    start?: string;
};
/**
 * What a module is to be given, as `engines.js.imports.wanted` says it.
 * @typedef {object} Wanted
 * @property {[string, string, number][]} functions Module, name, call number.
 * @property {[string, string, WebAssembly.MemoryDescriptor][]} memories
 * @property {[string, string, { parameters: string[] }][]} tags
 * @property {[string, string][]} [variables] Name and type of what a copy of it needs.
 * @property {[string, number[]]} [waits] If it waits at shared memory, the table for the functions
 *   that do it, and their call numbers.
 * @property {string} [start] What was its start function: the export to call first.
 */
/** Compile while it is being fetched. @param {string | URL} url */
export declare function compile(url: string | URL): Promise<WebAssembly.Module>;
export type Snapshot = {
    memory: {
        size: number;
    };
    /**
     * Where its stack is.
     */
    area: number;
    /**
     * What the call answers that it is in.
     */
    answer: number;
};
export type Task = {
    /**
     * The export to call.
     */
    entry: string;
    arguments: Iterable<number>;
    /**
     * Those of another thread, to share them.
     */
    memories: WebAssembly.Memory[] | undefined;
    opened: (view: import("./guest.js").View, memories: WebAssembly.Memory[]) => void;
    /**
     * Gives it the memory of its snapshot.
     */
    restore: () => void;
    suspended: (area: number) => number | undefined;
};
/**
 * Where a guest goes on that was copied from another.
 * @typedef {object} Snapshot
 * @property {{ size: number }} memory
 * @property {number} area Where its stack is.
 * @property {number} answer What the call answers that it is in.
 */
/**
 * The kernel's side of a guest's instance: `wasix.web.programs.Task`.
 * @typedef {object} Task
 * @property {string} entry The export to call.
 * @property {Iterable<number>} arguments
 * @property {WebAssembly.Memory[] | undefined} memories Those of another thread, to share them.
 * @property {(view: import("./guest.js").View, memories: WebAssembly.Memory[]) => void} opened
 * @property {() => void} restore Gives it the memory of its snapshot.
 * @property {(area: number) => number | undefined} suspended
 */
/**
 * Run a command module to its end.
 * @param {WebAssembly.Module} module @param {Wanted} wanted @param {Guest} guest @param {Task} task
 * @param {number[]} callees By call number, the address of the decoder or 0 if it is not imported.
 * @param {Snapshot | null} snapshot Where it goes on, instead of beginning.
 * @returns {Promise<Outcome>}
 */
export declare function run(module: WebAssembly.Module, wanted: Wanted, guest: Guest, task: Task, callees: number[], snapshot: Snapshot | null): Promise<Outcome>;
