/** Packages that are CommonJS, or depend on CommonJS packages. */

export const COMMONJS = [
  {
    name: 'react',
    packages: ['react', 'react-dom', 'use-sync-external-store'],
    dozen: true,
    body: '<div id="app"></div>',
    script: `
      import React, { useState, Suspense, lazy } from 'react';
      import * as all from 'react';
      import { createRoot } from 'react-dom/client';
      import { createPortal, flushSync } from 'react-dom';
      import { jsx, jsxs, Fragment } from 'react/jsx-runtime';
      import { useSyncExternalStore } from 'use-sync-external-store/shim';
      const Lazy = lazy(() => import('./lazy.js'));
      function App() {
        const [count, setCount] = useState(1);
        const value = useSyncExternalStore(() => () => {}, () => 'store');
        return jsxs(Fragment, { children: [
          jsx('button', { onClick: () => setCount((n) => n + 1), children: count }), jsx('i', { children: value }),
          jsx(Suspense, { fallback: 'waiting', children: React.createElement(Lazy) }),
          createPortal(jsx('u', { children: 'portal' }), document.body),
        ] });
      }
      flushSync(() => createRoot(document.querySelector('#app')).render(jsx(App, {})));
      flushSync(() => document.querySelector('button').click());
      globalThis.same = all.default === React && all.useState === React.useState;
    `,
    files: { 'lazy.js': `import { createElement } from 'react'; export default () => createElement('b', null, 'lazy');` },
    holds: 'document.querySelector("#app")?.textContent === "2storelazy" && Boolean(document.querySelector("body > u")) && globalThis.same',
  },
  {
    name: 'react-redux',
    packages: ['react', 'react-dom', 'react-redux', '@reduxjs/toolkit', 'redux', '@tanstack/react-query'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Provider, useDispatch, useSelector } from 'react-redux';
      import { legacy_createStore as createStore } from 'redux';
      import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
      const store = createStore((state = { n: 1 }, { type }) => (type === 'add' ? { n: state.n + 1 } : state));
      function App() {
        const n = useSelector((state) => state.n);
        const dispatch = useDispatch();
        const { data } = useQuery({ queryKey: ['file'], queryFn: () => fetch('data.json').then((response) => response.json()) });
        return h('button', { onClick: () => dispatch({ type: 'add' }) }, n + ' ' + (data?.n ?? ''));
      }
      createRoot(document.querySelector('#app')).render(h(QueryClientProvider, { client: new QueryClient() }, h(Provider, { store }, h(App))));
      store.dispatch({ type: 'add' });
    `,
    files: { 'data.json': '{ "n": 7 }' },
    holds: 'document.querySelector("#app button")?.textContent === "2 7"',
  },
  {
    name: 'react-router',
    packages: ['react', 'react-dom', 'react-router-dom', 'react-i18next', 'i18next'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Link, MemoryRouter, Route, Routes, useParams } from 'react-router-dom';
      import i18next from 'i18next';
      import { initReactI18next, useTranslation } from 'react-i18next';
      await i18next.use(initReactI18next).init({ lng: 'fr', resources: { fr: { translation: { user: 'utilisateur' } } } });
      const User = () => { const { t } = useTranslation(); return h('b', null, t('user'), ' ', useParams().id); };
      createRoot(document.querySelector('#app')).render(h(MemoryRouter, { initialEntries: ['/user/4'] },
        h(Link, { to: '/' }, 'home'), h(Routes, null, h(Route, { path: '/user/:id', element: h(User) }))));
    `,
    holds: 'document.querySelector("#app b")?.textContent === "utilisateur 4"',
  },
  {
    name: 'emotion',
    packages: ['react', 'react-dom', '@emotion/react', '@emotion/styled', 'styled-components'],
    body: '<div id="app"></div>',
    script: `
      import { createRoot } from 'react-dom/client';
      import { jsx } from '@emotion/react';
      import styled from '@emotion/styled';
      import components, { createGlobalStyle } from 'styled-components';
      const One = styled.b({ color: 'rgb(1, 2, 3)' });
      const Two = components.i\`color: rgb(4, 5, 6);\`;
      const Global = createGlobalStyle\`u { color: rgb(7, 8, 9); }\`;
      createRoot(document.querySelector('#app')).render(jsx('div', { css: { margin: 5 } }, jsx(One), jsx(Two), jsx('u'), jsx(Global)));
    `,
    holds: '["b", "i", "u"].map((tag) => document.querySelector(`#app ${tag}`) && getComputedStyle(document.querySelector(`#app ${tag}`)).color).join() === "rgb(1, 2, 3),rgb(4, 5, 6),rgb(7, 8, 9)"',
  },
  {
    name: 'mui',
    packages: ['react', 'react-dom', '@mui/material', '@emotion/react', '@emotion/styled'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Button, Slider, TextField, ThemeProvider, createTheme } from '@mui/material';
      import Chip from '@mui/material/Chip';
      const theme = createTheme({ palette: { primary: { main: '#010203' } } });
      createRoot(document.querySelector('#app')).render(h(ThemeProvider, { theme },
        h(Button, { variant: 'contained' }, 'press'), h(Slider), h(TextField, { label: 'name' }), h(Chip, { label: 'chip' })));
    `,
    holds: 'document.querySelector("#app button") && getComputedStyle(document.querySelector("#app button")).backgroundColor === "rgb(1, 2, 3)" && Boolean(document.querySelector("#app .MuiChip-root"))',
  },
  {
    name: 'antd',
    packages: ['react', 'react-dom', 'antd'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Button, DatePicker, Table } from 'antd';
      createRoot(document.querySelector('#app')).render(h('div', null, h(Button, { type: 'primary' }, 'press'), h(DatePicker),
        h(Table, { columns: [{ title: 'Name', dataIndex: 'name' }], dataSource: [{ key: 1, name: 'Ann' }] })));
    `,
    holds: 'document.querySelector("#app .ant-btn") !== null && document.querySelector("#app .ant-table-tbody")?.textContent === "Ann"',
  },
  {
    name: 'forms',
    packages: ['react', 'react-dom', 'formik', 'react-hook-form', '@headlessui/react', '@radix-ui/react-dialog'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Field, Formik } from 'formik';
      import { useForm } from 'react-hook-form';
      import { Switch } from '@headlessui/react';
      import * as Dialog from '@radix-ui/react-dialog';
      const Hooked = () => { const { register } = useForm({ defaultValues: { b: 'two' } }); return h('input', { id: 'b', ...register('b') }); };
      createRoot(document.querySelector('#app')).render(h('div', null,
        h(Formik, { initialValues: { a: 'one' } }, () => h(Field, { name: 'a', id: 'a' })), h(Hooked), h(Switch, { checked: true }),
        h(Dialog.Root, { open: true }, h(Dialog.Portal, null, h(Dialog.Content, { 'aria-describedby': undefined }, h(Dialog.Title, null, 'title'))))));
    `,
    holds: '["a", "b"].map((id) => document.getElementById(id)?.value).join() === "one,two" && Boolean(document.querySelector("[role=switch]")) && Boolean(document.querySelector("[role=dialog]"))',
  },
  {
    name: 'recharts',
    packages: ['react', 'react-dom', 'recharts', 'framer-motion', 'lucide-react'],
    body: '<div id="app"></div>',
    script: `
      import { createElement as h } from 'react';
      import { createRoot } from 'react-dom/client';
      import { Bar, BarChart } from 'recharts';
      import { motion } from 'framer-motion';
      import { Camera } from 'lucide-react';
      createRoot(document.querySelector('#app')).render(h(motion.div, { animate: { opacity: 1 } }, h(Camera, { id: 'camera' }),
        h(BarChart, { width: 200, height: 100, data: [{ n: 1 }, { n: 2 }] }, h(Bar, { dataKey: 'n', isAnimationActive: false }))));
    `,
    holds: 'document.querySelectorAll("#app .recharts-bar-rectangle").length === 2 && document.querySelector("#camera")?.tagName === "svg"',
  },
  {
    name: 'dayjs',
    packages: ['dayjs'],
    dozen: true,
    script: `
      import dayjs from 'dayjs';
      import relativeTime from 'dayjs/plugin/relativeTime';
      import utc from 'dayjs/plugin/utc.js';
      import 'dayjs/locale/de';
      dayjs.extend(relativeTime);
      dayjs.extend(utc);
      globalThis.dates = dayjs.utc('2024-02-29').add(1, 'year').format('YYYY-MM-DD') + ' ' + dayjs('2024-01-01').locale('de').from('2024-01-03');
    `,
    holds: 'globalThis.dates === "2025-02-28 vor 2 Tagen"',
  },
  {
    name: 'socket.io-client',
    packages: ['socket.io-client', 'debug', 'ms'],
    dozen: true,
    script: `
      import { io, Manager } from 'socket.io-client';
      import debug from 'debug';
      import createDebug, { enable, enabled } from 'debug';
      import ms from 'ms';
      enable('app:*');
      const socket = io('http://localhost:1', { autoConnect: false });
      globalThis.works = socket.io instanceof Manager && debug === createDebug && enabled('app:one') && ms('2 days') === 172800000;
    `,
    holds: 'globalThis.works',
  },
  {
    name: 'quill',
    packages: ['quill', 'quill-delta'],
    body: '<div id="editor"></div>',
    script: `
      import Quill from 'quill';
      import Delta from 'quill-delta';
      import 'quill/dist/quill.snow.css';
      const quill = new Quill('#editor', { theme: 'snow' });
      quill.setContents(new Delta().insert('bold', { bold: true }).insert('\\n'));
      globalThis.same = quill.getContents() instanceof Delta;
    `,
    holds: 'document.querySelector("#editor strong")?.textContent === "bold" && globalThis.same',
  },
  {
    name: 'highlight.js',
    packages: ['highlight.js', 'prismjs'],
    body: '<pre id="code"></pre>',
    script: `
      import hljs from 'highlight.js';
      import core from 'highlight.js/lib/core';
      import javascript from 'highlight.js/lib/languages/javascript';
      import Prism from 'prismjs';
      import 'prismjs/components/prism-python';
      import 'highlight.js/styles/github.css';
      core.registerLanguage('javascript', javascript);
      document.querySelector('#code').innerHTML = hljs.highlight('def f(): pass', { language: 'python' }).value
        + core.highlight('const a = 1', { language: 'javascript' }).value + Prism.highlight('def f(): pass', Prism.languages.python, 'python');
    `,
    holds: 'document.querySelectorAll("#code .hljs-keyword").length >= 2 && document.querySelectorAll("#code .token.keyword").length >= 1',
  },
  {
    name: 'lodash',
    packages: ['lodash', 'underscore', 'moment', 'immutable'],
    dozen: true,
    script: `
      import _, { chunk } from 'lodash';
      import get from 'lodash/get';
      import fp from 'lodash/fp';
      import { groupBy } from 'underscore';
      import moment from 'moment';
      import { Map } from 'immutable';
      globalThis.results = [chunk([1, 2, 3], 2).length, get({ a: { b: 4 } }, 'a.b'), fp.map((n) => n + 1)([1])[0], _.isEqual({ a: 1 }, { a: 1 }),
        groupBy([1, 2, 3], (n) => n % 2)[1].length, moment('2024-02-29').format('D MMMM'), Map({ a: 5 }).get('a')].join();
    `,
    holds: 'globalThis.results === "2,4,2,true,2,29 February,5"',
  },
  {
    name: 'small-commonjs',
    packages: ['classnames', 'prop-types', 'hoist-non-react-statics', 'fast-deep-equal', 'clone', 'semver', 'qs', 'file-saver', 'eventemitter3'],
    dozen: true,
    script: `
      import classNames from 'classnames';
      import PropTypes, { string } from 'prop-types';
      import hoist from 'hoist-non-react-statics';
      import equal from 'fast-deep-equal';
      import clone from 'clone';
      import semver, { satisfies } from 'semver';
      import lessThan from 'semver/functions/lt';
      import qs from 'qs';
      import { saveAs } from 'file-saver';
      import EventEmitter, { EventEmitter as Named } from 'eventemitter3';
      const source = Object.assign(() => {}, { extra: 3 });
      globalThis.results = [classNames('a', { b: true }), PropTypes.string === string, hoist(() => {}, source).extra, equal({ a: [1] }, clone({ a: [1] })),
        semver.valid('1.2.3'), satisfies('1.2.3', '^1.0.0'), lessThan('1.0.0', '2.0.0'), qs.parse('a[b]=c').a.b, typeof saveAs, EventEmitter === Named].join();
    `,
    holds: 'globalThis.results === "a b,true,3,true,1.2.3,true,true,c,function,true"',
  },
  {
    name: 'node-modules-for-browsers',
    packages: ['events', 'buffer', 'base64-js', 'util', 'inherits', 'readable-stream', 'bn.js', 'elliptic'],
    script: `
      import EventEmitter, { once } from 'events/';
      import { Buffer } from 'buffer/';
      import base64 from 'base64-js';
      import inherits from 'inherits';
      import BN from 'bn.js';
      globalThis.results = [new EventEmitter().listenerCount('a'), typeof once, Buffer.from('aGk=', 'base64').toString(), base64.toByteArray('aGk=').length,
        typeof inherits, new BN('ff', 16).toString()].join();
    `,
    holds: 'globalThis.results === "0,function,hi,2,function,255"',
  },
  {
    name: 'parsers',
    packages: ['acorn', 'esprima', 'js-yaml', 'papaparse', 'ajv', 'handlebars'],
    script: `
      import * as acorn from 'acorn';
      import { parseScript } from 'esprima';
      import { load } from 'js-yaml';
      import Papa from 'papaparse';
      import Ajv from 'ajv';
      import Handlebars from 'handlebars/dist/handlebars';
      const validate = new Ajv().compile({ type: 'object', properties: { a: { type: 'integer' } } });
      globalThis.results = [acorn.parse('a', { ecmaVersion: 2020 }).type, parseScript('a').body.length, load('a: 5').a, Papa.parse('a,b').data[0][1],
        validate({ a: 'x' }), Handlebars.compile('{{a}}!')({ a: 6 })].join();
    `,
    holds: 'globalThis.results === "Program,1,5,b,false,6!"',
  },
  {
    name: 'jquery',
    packages: ['jquery'],
    body: '<p></p>',
    script: `
      import $ from 'jquery';
      import jQuery from 'jquery';
      $('p').text('found').addClass('done');
      globalThis.same = $ === jQuery;
    `,
    holds: 'document.querySelector("p.done")?.textContent === "found" && globalThis.same',
  },
  {
    name: 'crypto-js',
    packages: ['crypto-js', 'jszip', 'localforage'],
    script: `
      import CryptoJS from 'crypto-js';
      import sha256 from 'crypto-js/sha256';
      import JSZip from 'jszip';
      import localforage from 'localforage';
      const zip = new JSZip();
      zip.file('a.txt', 'text');
      const read = await JSZip.loadAsync(await zip.generateAsync({ type: 'uint8array' }));
      await localforage.setItem('key', 4);
      globalThis.results = [CryptoJS.MD5('a').toString().slice(0, 6), sha256('a').toString().slice(0, 6), await read.file('a.txt').async('string'), await localforage.getItem('key')].join();
    `,
    holds: 'globalThis.results === "0cc175,ca9781,text,4"',
  },
  {
    name: 'core-js',
    packages: ['core-js'],
    script: `
      import 'core-js/stable';
      import from from 'core-js/actual/array/from';
      import structuredClone from 'core-js/actual/structured-clone';
      globalThis.results = [from(new Set([1, 2])).length, structuredClone({ a: new Map([[1, 2]]) }).a.get(1)].join();
    `,
    holds: 'globalThis.results === "2,2"',
  },
  {
    name: 'mathjs',
    packages: ['mathjs'],
    script: `
      import { evaluate, derivative, matrix } from 'mathjs';
      globalThis.results = [evaluate('sqrt(16) + 2'), derivative('x^2', 'x').toString(), matrix([[1, 2]]).size()].join();
    `,
    holds: 'globalThis.results === "6,2 * x,1,2"',
  },
  {
    name: 'video.js',
    packages: ['video.js', 'plyr'],
    body: '<video id="video" class="video-js"></video>',
    script: `
      import videojs from 'video.js';
      import Plyr from 'plyr';
      import 'video.js/dist/video-js.css';
      const player = videojs('video', { controls: true });
      globalThis.works = typeof player.play === 'function' && typeof Plyr.setup === 'function';
    `,
    holds: 'globalThis.works && Boolean(document.querySelector("#video .vjs-control-bar, .video-js .vjs-control-bar"))',
  },
];
