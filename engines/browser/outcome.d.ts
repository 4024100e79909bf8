/** How a guest's run ended. */
export type Outcome = {
    end: string;
    message: string;
};
/** As `engines.protocol.Outcome` has it. @typedef {{ end: string, message: string }} Outcome */
/** @param {string} message @returns {Outcome} */
export declare const trapped: (message: string) => Outcome;
/** What an error of the engine's means. @param {any} error @returns {Outcome} */
export declare function describe(error: any): Outcome;
