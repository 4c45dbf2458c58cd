/** More packages that consist of ECMAScript modules: components, editors, graphics, and small tools. */

export const WIDGETS = [
  {
    name: 'monaco-editor',
    packages: ['monaco-editor'],
    body: '<div id="editor" style="height: 200px"></div>',
    script: `
      import * as monaco from 'monaco-editor/editor/editor.api.js';
      import 'monaco-editor/languages/definitions/python/register.js';
      self.MonacoEnvironment = {
        getWorker: () => new Worker(new URL('worker.js', import.meta.url), { type: 'module' }),
      };
      monaco.editor.create(document.querySelector('#editor'), { value: 'def f(): pass', language: 'python' });
    `,
    files: { 'worker.js': `import 'monaco-editor/editor/editor.worker.js';` },
    holds: 'document.querySelector("#editor .view-line")?.textContent.includes("def") && document.querySelectorAll("#editor .view-line span span").length > 1',
  },
  {
    name: 'pdfjs-dist',
    packages: ['pdfjs-dist'],
    script: `
      import * as pdfjs from 'pdfjs-dist';
      pdfjs.GlobalWorkerOptions.workerSrc = new URL('./worker.js', import.meta.url).href;
      const pdf = '%PDF-1.1\\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\\n'
        + '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\\ntrailer<</Root 1 0 R>>\\n%%EOF';
      const document = await pdfjs.getDocument({ data: new TextEncoder().encode(pdf) }).promise;
      globalThis.pages = document.numPages;
    `,
    files: { 'worker.js': `import 'pdfjs-dist/build/pdf.worker.mjs';` },
    holds: 'globalThis.pages === 1',
  },
  {
    name: 'shiki',
    packages: ['shiki'],
    body: '<div id="code"></div>',
    script: `
      import { codeToHtml } from 'shiki';
      document.querySelector('#code').innerHTML = await codeToHtml('const a = 1', { lang: 'javascript', theme: 'nord' });
    `,
    holds: 'document.querySelectorAll("#code .shiki .line span").length > 2',
  },
  {
    name: 'shoelace',
    packages: ['@shoelace-style/shoelace'],
    body: '<sl-button>press</sl-button><sl-rating value="3"></sl-rating>',
    script: `
      import '@shoelace-style/shoelace/dist/themes/light.css';
      import { setBasePath } from '@shoelace-style/shoelace';
      setBasePath('/node_modules/@shoelace-style/shoelace/dist');
    `,
    holds: 'document.querySelector("sl-rating").shadowRoot?.querySelectorAll("sl-icon").length > 4 && getComputedStyle(document.documentElement).getPropertyValue("--sl-color-primary-600") !== ""',
  },
  {
    name: 'material-web',
    packages: ['@material/web'],
    body: '<md-filled-button>press</md-filled-button><md-checkbox checked></md-checkbox>',
    script: `
      import '@material/web/all.js';
    `,
    holds: 'document.querySelector("md-checkbox").shadowRoot?.querySelector("input")?.checked && Boolean(document.querySelector("md-filled-button").shadowRoot.querySelector("button"))',
  },
  {
    name: 'angular',
    packages: ['@angular/core', '@angular/common', '@angular/compiler', '@angular/platform-browser', 'zone.js'],
    body: '<app-root></app-root>',
    script: `
      import 'zone.js';
      import '@angular/compiler';
      import { Component, signal } from '@angular/core';
      import { bootstrapApplication } from '@angular/platform-browser';
      class App { count = signal(6); }
      Component({ selector: 'app-root', standalone: true, template: '@if (count() > 5) { <b>count {{ count() }}</b> }' })(App);
      await bootstrapApplication(App);
    `,
    holds: 'document.querySelector("app-root b")?.textContent === "count 6"',
  },
  {
    name: 'ramda',
    packages: ['ramda'],
    script: `
      import * as R from 'ramda';
      globalThis.total = R.pipe(R.map(R.multiply(2)), R.sum)([1, 2, 3]);
    `,
    holds: 'globalThis.total === 12',
  },
  {
    name: 'openlayers',
    packages: ['ol'],
    body: '<div id="map" style="height: 200px"></div>',
    script: `
      import 'ol/ol.css';
      import Map from 'ol/Map.js';
      import View from 'ol/View.js';
      import Feature from 'ol/Feature.js';
      import { Circle } from 'ol/geom.js';
      import VectorLayer from 'ol/layer/Vector.js';
      import VectorSource from 'ol/source/Vector.js';
      const source = new VectorSource({ features: [new Feature(new Circle([0, 0], 50))] });
      const map = new Map({ target: 'map', layers: [new VectorLayer({ source })], view: new View({ center: [0, 0], zoom: 15 }) });
      map.once('rendercomplete', () => { globalThis.rendered = source.getFeatures().length; });
    `,
    holds: 'globalThis.rendered === 1 && Boolean(document.querySelector("#map canvas"))',
  },
  {
    name: 'pixi.js',
    packages: ['pixi.js'],
    script: `
      import { Container, Graphics, Matrix, Rectangle } from 'pixi.js';
      const stage = new Container();
      stage.addChild(new Graphics().rect(0, 0, 10, 20).fill('red'));
      globalThis.size = [stage.width, stage.height, new Rectangle(0, 0, 2, 2).contains(1, 1), new Matrix().isIdentity?.() ?? true].join();
    `,
    holds: 'globalThis.size === "10,20,true,true"',
  },
  {
    name: 'tone',
    packages: ['tone'],
    script: `
      import * as Tone from 'tone';
      globalThis.frequency = Tone.Frequency('A4').toFrequency();
    `,
    holds: 'globalThis.frequency === 440',
  },
  {
    name: 'cytoscape',
    packages: ['cytoscape'],
    body: '<div id="graph" style="height: 100px"></div>',
    script: `
      import cytoscape from 'cytoscape';
      const graph = cytoscape({ container: document.querySelector('#graph'), elements: [{ data: { id: 'a' } }, { data: { id: 'b' } }, { data: { source: 'a', target: 'b' } }] });
      globalThis.distance = graph.elements().dijkstra('#a').distanceTo(graph.$('#b'));
    `,
    holds: 'globalThis.distance === 1',
  },
  {
    name: 'swiper',
    packages: ['swiper'],
    body: '<div class="swiper"><div class="swiper-wrapper"><div class="swiper-slide">1</div><div class="swiper-slide">2</div></div></div>',
    script: `
      import Swiper from 'swiper';
      import { Navigation, Pagination } from 'swiper/modules';
      import 'swiper/css';
      import 'swiper/css/pagination';
      const swiper = new Swiper('.swiper', { modules: [Navigation, Pagination], speed: 0 });
      swiper.slideTo(1, 0);
      globalThis.slide = swiper.activeIndex;
    `,
    holds: 'globalThis.slide === 1 && getComputedStyle(document.querySelector(".swiper")).overflow === "hidden"',
  },
  {
    name: 'animation',
    packages: ['gsap', 'animejs', 'motion'],
    body: '<i id="one"></i><i id="two"></i><i id="three"></i>',
    script: `
      import gsap from 'gsap';
      import { ScrollTrigger } from 'gsap/ScrollTrigger';
      import { animate } from 'animejs';
      import { animate as move } from 'motion';
      gsap.registerPlugin(ScrollTrigger);
      gsap.set('#one', { opacity: 0.5 });
      animate('#two', { opacity: 0.5, duration: 1 });
      move('#three', { opacity: 0.5 }, { duration: 0.01 });
    `,
    holds: '["one", "two", "three"].every((id) => getComputedStyle(document.getElementById(id)).opacity === "0.5")',
  },
  {
    name: 'xterm',
    packages: ['@xterm/xterm'],
    body: '<div id="terminal"></div>',
    script: `
      import { Terminal } from '@xterm/xterm';
      import '@xterm/xterm/css/xterm.css';
      const terminal = new Terminal();
      terminal.open(document.querySelector('#terminal'));
      terminal.write('ready');
    `,
    holds: 'document.querySelector("#terminal .xterm-rows")?.textContent.includes("ready")',
  },
  {
    name: 'markup',
    packages: ['marked', 'markdown-it', 'dompurify', 'katex'],
    body: '<div id="out"></div>',
    script: `
      import { marked } from 'marked';
      import MarkdownIt from 'markdown-it';
      import DOMPurify from 'dompurify';
      import katex from 'katex';
      document.querySelector('#out').innerHTML = DOMPurify.sanitize(marked.parse('**one** <img src="data:," onerror="alert(1)">'))
        + new MarkdownIt().render('*two*') + katex.renderToString('x^2');
    `,
    holds: 'document.querySelector("#out strong")?.textContent === "one" && document.querySelector("#out em").textContent === "two" && Boolean(document.querySelector("#out .katex")) && !document.querySelector("[onerror]")',
  },
  {
    name: 'schemas',
    packages: ['zod', 'valibot'],
    script: `
      import { z } from 'zod';
      import * as v from 'valibot';
      const failed = z.object({ n: z.number() }).safeParse({ n: 'x' });
      globalThis.found = failed.success === false && failed.error.issues.length === 1 && v.parse(v.string(), 'a') === 'a';
    `,
    holds: 'globalThis.found',
  },
  {
    name: 'storage',
    packages: ['idb', 'dexie', 'comlink', 'workbox-window'],
    script: `
      import { openDB } from 'idb';
      import Dexie from 'dexie';
      import * as Comlink from 'comlink';
      import { Workbox } from 'workbox-window';
      const db = await openDB('one', 1, { upgrade(db) { db.createObjectStore('store'); } });
      await db.put('store', 5, 'key');
      const two = new Dexie('two');
      two.version(1).stores({ friends: '++id, name' });
      await two.friends.put({ id: 1, name: 'Ann' });
      const worker = Comlink.wrap(new Worker(new URL('worker.js', import.meta.url), { type: 'module' }));
      globalThis.stored = [await db.get('store', 'key'), (await two.friends.get(1)).name, await worker.double(4), typeof new Workbox('/sw.js').register].join();
    `,
    files: { 'worker.js': `import * as Comlink from 'comlink'; Comlink.expose({ double: (n) => n * 2 });` },
    holds: 'globalThis.stored === "5,Ann,8,function"',
  },
  {
    name: 'tools',
    packages: ['luxon', 'tslib', 'uuid', 'nanoid', 'fuse.js', '@floating-ui/dom', 'sortablejs', 'ky', 'axios', 'i18next'],
    dozen: true,
    body: '<ul id="list"><li>1</li></ul>',
    script: `
      import { DateTime } from 'luxon';
      import { __assign } from 'tslib';
      import { v4, validate } from 'uuid';
      import { nanoid } from 'nanoid';
      import Fuse from 'fuse.js';
      import { computePosition, offset } from '@floating-ui/dom';
      import Sortable from 'sortablejs';
      import ky from 'ky';
      import axios from 'axios';
      import i18next from 'i18next';
      const list = document.querySelector('#list');
      const position = await computePosition(list, list.firstChild, { middleware: [offset(4)] });
      await i18next.init({ lng: 'de', resources: { de: { translation: { hello: 'Hallo {{name}}' } } } });
      globalThis.results = [
        DateTime.utc(2024, 2, 29).plus({ years: 1 }).toISODate(), __assign({}, { a: 1 }).a, validate(v4()), nanoid().length,
        new Fuse(['apple', 'pear']).search('aple')[0].item, typeof position.x, Sortable.create(list) instanceof Sortable,
        (await ky('data.json').json()).n, (await axios.get('data.json')).data.n, i18next.t('hello', { name: 'Ann' }),
      ].join();
    `,
    files: { 'data.json': '{ "n": 7 }' },
    holds: 'globalThis.results === "2025-02-28,1,true,21,apple,number,true,7,7,Hallo Ann"',
  },
  {
    name: 'tippy.js',
    packages: ['tippy.js'],
    body: '<button id="button">press</button>',
    script: `
      import tippy from 'tippy.js';
      import 'tippy.js/dist/tippy.css';
      tippy('#button', { content: 'the tip', duration: 0 })[0].show();
    `,
    holds: 'document.querySelector("[data-tippy-root]")?.textContent === "the tip"',
  },
  {
    name: 'maplibre-gl',
    packages: ['maplibre-gl'],
    script: `
      import * as maplibre from 'maplibre-gl';
      import 'maplibre-gl/dist/maplibre-gl.css';
      globalThis.center = new maplibre.LngLatBounds([0, 0], [10, 20]).getCenter().toArray().join();
    `,
    holds: 'globalThis.center === "5,10"',
  },
];
