import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const BROWSER_SAFE = ["src/**/*.ts"];
const NODE_ONLY = ["src/keyfile.ts"];

export default defineConfig(
  { ignores: ["build/", "dist/", "node_modules/", "examples/verifier/verify.html"] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/promise-function-async": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      // A codec and the type it reads have one name: `Receipt` the type, `Receipt` the codec.
      "@typescript-eslint/no-redeclare": "off",
      "no-redeclare": "off",
    },
  },
  {
    // What runs in browsers must not reach for Node.
    files: BROWSER_SAFE,
    ignores: NODE_ONLY,
    rules: {
      "no-restricted-imports": ["error", { patterns: ["node:*"] }],
      "no-restricted-globals": ["error", "Buffer", "process", "global", "require", "setImmediate"],
    },
  },
  {
    // node:test's functions give promises that its runner waits for.
    files: ["tests/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off" },
  },
  {
    files: ["**/*.js"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { "no-console": "off", "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
  {
    files: ["scripts/**/*.js"],
    languageOptions: { globals: { console: false, process: false, URL: false } },
  },
);
