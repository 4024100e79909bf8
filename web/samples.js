/**
 * What the bundle's own page does with programs that need something to do: arguments to start with,
 * files they name, and a word of advice.
 */

/** @typedef {{ args?: string, files?: Record<string, string>, hint?: string }} Sample */

/** By program. @type {Record<string, Sample>} */
export const SAMPLES = {
  python: { hint: "quit() ends it. Files you add can be opened by name." },
  sqlite3: { hint: ".open notes.db keeps tables in a file; .tables lists them; .quit ends." },
  clang: { args: "--version" },
  "wasm-ld": { args: "--version" },
  cowsay: { args: "Hello from WebAssembly", hint: "Change the arguments and press Run." },
  ruby: {
    args: "repl.rb",
    files: {
      "repl.rb": `# Reads a line, evaluates it, prints the result.
loop do
  print "ruby> "
  line = gets or break
  begin
    puts "=> #{eval(line, TOPLEVEL_BINDING).inspect}"
  rescue Exception => error
    puts "#{error.class}: #{error.message}"
  end
end
`,
    },
    hint: "Ctrl-D on an empty line ends it.",
  },
  php: {
    args: "hello.php",
    files: {
      "hello.php": `<?php
foreach (["WebAssembly", "PHP " . PHP_VERSION] as $name) {
    echo "Hello, $name!\\n";
}
`,
    },
    hint: "Runs a script; without arguments, what you type, after Ctrl-D.",
  },
  qjs: {
    args: "hello.js",
    files: {
      "hello.js": `const primes = [];
for (let n = 2; primes.length < 10; n++) if (primes.every((p) => n % p)) primes.push(n);
print("The first primes:", primes.join(", "));
`,
    },
    hint: "Runs a script. Add one of yours and name it in the arguments.",
  },
};
