/** What `wasix.web.build` writes for the loader. */
declare const manifest: {
  programs: Record<
    string,
    {
      title: string;
      file: string;
      size: number;
      sha256: string;
      argv: string[];
      environ: Record<string, string>;
      wanted: import("../engines/browser/run.js").Wanted;
      /** Files that it looks for (see `wasix.web.provided`, compressed by gzip), and their directory. */
      archive: { file: string; at: string } | null;
    }
  >;
  /** The environment of programs that are not given another. */
  environ: Record<string, string>;
  /** Linux's numbers by name. */
  signals: Record<string, number>;
  /** Those that do not end a program. */
  harmless: number[];
  runtime: import("./python.js").Runtime;
  worker: string;
  thread: string;
};
export default manifest;
