// @ts-check
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['build', 'dist', 'src/generated', 'page.d.ts', 'test/page-code.ts'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // In the contract an empty string means that a value is not set, so `||` is right for strings.
      '@typescript-eslint/prefer-nullish-coalescing': [
        'error',
        { ignorePrimitives: { string: true } },
      ],
      // Allows `json<T>()`: only the caller knows the type of the parsed JSON.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Allows short arrow functions that return the result of a void call.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // The result types of handlers include `void`, for handlers that return nothing.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Rejection reasons are passed on unchanged, including the reason of an abort signal.
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      // Callers in JavaScript may pass any value, so the code checks more than the types require.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  {
    // node:test handles the promises of tests; the commands of the conformance runner are untyped
    // JSON.
    files: ['test/**', 'conformance/**'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
);
