/**
 * Packages that consist of ECMAScript modules, imported as their documentation shows. `script` is the page's module,
 * `body` its HTML, `holds` an expression that becomes true, `packages` what is installed for it.
 */

export const MODULES = [
  {
    name: 'lit',
    packages: ['lit'],
    dozen: true,
    body: '<my-element></my-element>',
    script: `
      import { LitElement, css, html } from 'lit';
      import { repeat } from 'lit/directives/repeat.js';
      class MyElement extends LitElement {
        static styles = css\`p { color: teal; }\`;
        render() { return html\`<p>\${repeat([1, 2, 3], (n) => n, (n) => html\`<i>\${n}</i>\`)}</p>\`; }
      }
      customElements.define('my-element', MyElement);
    `,
    holds: 'document.querySelector("my-element").shadowRoot?.textContent.trim() === "123"',
  },
  {
    name: 'preact',
    packages: ['preact', '@preact/signals', 'htm'],
    dozen: true,
    body: '<div id="app"></div>',
    script: `
      import { h, render } from 'preact';
      import { useState } from 'preact/hooks';
      import { signal } from '@preact/signals';
      import htm from 'htm';
      import { html } from 'htm/preact';
      const count = signal(1);
      const jsx = htm.bind(h);
      const Counter = () => { const [step] = useState(2); return html\`<b>\${count} and \${step}</b>\`; };
      render(jsx\`<\${Counter} />\`, document.querySelector('#app'));
      count.value = 5;
    `,
    holds: 'document.querySelector("#app b")?.textContent === "5 and 2"',
  },
  {
    name: 'vue',
    packages: ['vue', 'vue-router', 'pinia'],
    body: '<div id="app"></div>',
    script: `
      import { createApp, h, ref } from 'vue';
      import { createMemoryHistory, createRouter, RouterView } from 'vue-router';
      import { createPinia, defineStore } from 'pinia';
      const useStore = defineStore('store', () => ({ count: ref(3) }));
      const Home = { setup() { const store = useStore(); return () => h('b', 'store ' + store.count); } };
      const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: Home }] });
      router.push('/');
      createApp({ render: () => h(RouterView) }).use(router).use(createPinia()).mount('#app');
    `,
    holds: 'document.querySelector("#app b")?.textContent === "store 3"',
  },
  {
    name: 'vue-templates',
    packages: ['vue'],
    body: '<div id="app"><button @click="count++">{{ count }}</button></div>',
    script: `
      import { createApp } from 'vue/dist/vue.esm-bundler.js';
      createApp({ data: () => ({ count: 1 }) }).mount('#app');
      document.querySelector('#app button').click();
    `,
    holds: 'document.querySelector("#app button").textContent === "2"',
  },
  {
    name: 'svelte',
    packages: ['svelte'],
    script: `
      import { mount, createRawSnippet } from 'svelte';
      import { derived, writable } from 'svelte/store';
      import { SvelteMap } from 'svelte/reactivity';
      const count = writable(2);
      derived(count, (n) => n * 2).subscribe((n) => { globalThis.doubled = n; });
      count.set(4);
      globalThis.works = typeof mount === 'function' && typeof createRawSnippet === 'function'
        && new SvelteMap([[1, 2]]).get(1) === 2;
    `,
    holds: 'globalThis.works && globalThis.doubled === 8',
  },
  {
    name: 'solid-js',
    packages: ['solid-js'],
    body: '<div id="app"></div>',
    script: `
      import { createSignal } from 'solid-js';
      import { render } from 'solid-js/web';
      import html from 'solid-js/html';
      const [count, setCount] = createSignal(1);
      render(() => html\`<b>\${count}</b>\`, document.querySelector('#app'));
      setCount(9);
    `,
    holds: 'document.querySelector("#app b")?.textContent === "9"',
  },
  {
    name: 'rxjs',
    packages: ['rxjs'],
    script: `
      import { from, map, toArray } from 'rxjs';
      import { ajax } from 'rxjs/ajax';
      from([1, 2, 3]).pipe(map((n) => n * n), toArray()).subscribe((all) => { globalThis.all = all; });
      ajax('main.js').subscribe;
    `,
    holds: 'String(globalThis.all) === "1,4,9"',
  },
  {
    name: 'lodash-es',
    packages: ['lodash-es'],
    dozen: true,
    script: `
      import _, { chunk } from 'lodash-es';
      import debounce from 'lodash-es/debounce.js';
      globalThis.chunks = JSON.stringify(_.map(chunk([1, 2, 3], 2), 'length'));
      globalThis.same = debounce === _.debounce;
    `,
    holds: 'globalThis.chunks === "[2,1]" && globalThis.same',
  },
  {
    name: 'date-fns',
    packages: ['date-fns'],
    script: `
      import { addDays, format } from 'date-fns';
      import { de } from 'date-fns/locale/de';
      import { fr } from 'date-fns/locale';
      const day = addDays(new Date(2024, 0, 30), 2);
      globalThis.dates = format(day, 'd. MMMM', { locale: de }) + format(day, ' MMMM', { locale: fr });
    `,
    holds: 'globalThis.dates === "1. Februar février"',
  },
  {
    name: 'd3',
    packages: ['d3'],
    body: '<svg id="chart" width="100" height="100"></svg>',
    script: `
      import * as d3 from 'd3';
      const y = d3.scaleLinear([0, 10], [0, 100]);
      d3.select('#chart').selectAll('rect').data([1, 5, 10]).join('rect').attr('height', y).attr('fill', d3.schemeCategory10[0]);
    `,
    holds: '[...document.querySelectorAll("#chart rect")].map((r) => r.getAttribute("height")).join() === "10,50,100"',
  },
  {
    name: 'three',
    packages: ['three'],
    script: `
      import * as THREE from 'three';
      import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
      import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js';
      const controls = new OrbitControls(new THREE.PerspectiveCamera(), document.body);
      globalThis.works = controls.object instanceof THREE.Object3D && new GLTFLoader() instanceof THREE.Loader
        && new THREE.Vector3(3, 4, 0).length() === 5;
    `,
    holds: 'globalThis.works',
  },
  {
    name: 'babylon',
    packages: ['@babylonjs/core'],
    script: `
      import { NullEngine, Scene, Vector3, MeshBuilder, FreeCamera } from '@babylonjs/core';
      const scene = new Scene(new NullEngine());
      new FreeCamera('camera', new Vector3(0, 0, -5), scene);
      const sphere = MeshBuilder.CreateSphere('sphere', { diameter: 2 }, scene);
      scene.render();
      globalThis.vertices = sphere.getTotalVertices();
    `,
    holds: 'globalThis.vertices > 100',
  },
  {
    name: 'codemirror',
    packages: ['codemirror', '@codemirror/lang-javascript'],
    dozen: true,
    body: '<div id="editor"></div>',
    script: `
      import { basicSetup, EditorView } from 'codemirror';
      import { javascript } from '@codemirror/lang-javascript';
      new EditorView({ doc: 'const answer = 42;', extensions: [basicSetup, javascript()], parent: document.querySelector('#editor') });
    `,
    // The keyword is in a span of its own once the grammar has parsed it.
    holds: '[...document.querySelectorAll("#editor .cm-line span")].some((span) => span.textContent === "const")',
  },
  {
    name: 'prosemirror',
    packages: ['prosemirror-state', 'prosemirror-view', 'prosemirror-model', 'prosemirror-schema-basic', 'prosemirror-example-setup'],
    body: '<div id="editor"></div>',
    script: `
      import { EditorState } from 'prosemirror-state';
      import { EditorView } from 'prosemirror-view';
      import { schema } from 'prosemirror-schema-basic';
      import { exampleSetup } from 'prosemirror-example-setup';
      const state = EditorState.create({ schema, plugins: exampleSetup({ schema }) });
      const view = new EditorView(document.querySelector('#editor'), { state });
      view.dispatch(view.state.tr.insertText('typed'));
    `,
    holds: 'document.querySelector("#editor .ProseMirror p")?.textContent === "typed"',
  },
  {
    name: 'yjs',
    packages: ['yjs'],
    script: `
      import * as Y from 'yjs';
      const [one, two] = [new Y.Doc(), new Y.Doc()];
      one.getArray('list').insert(0, ['a', 'b']);
      Y.applyUpdate(two, Y.encodeStateAsUpdate(one));
      globalThis.list = two.getArray('list').toArray().join();
    `,
    holds: 'globalThis.list === "a,b"',
  },
  {
    name: 'mobx',
    packages: ['mobx'],
    dozen: true,
    script: `
      import { autorun, makeAutoObservable, runInAction } from 'mobx';
      const store = makeAutoObservable({ count: 1, get double() { return this.count * 2; } });
      autorun(() => { globalThis.double = store.double; });
      runInAction(() => { store.count = 21; });
    `,
    holds: 'globalThis.double === 42',
  },
  {
    name: 'redux-toolkit',
    packages: ['@reduxjs/toolkit'],
    script: `
      import { configureStore, createSlice } from '@reduxjs/toolkit';
      const counter = createSlice({ name: 'counter', initialState: { n: 1 }, reducers: { add(state, { payload }) { state.n += payload; } } });
      const store = configureStore({ reducer: counter.reducer });
      store.dispatch(counter.actions.add(4));
      globalThis.n = store.getState().n;
    `,
    holds: 'globalThis.n === 5',
  },
  {
    name: 'zustand',
    packages: ['zustand', 'jotai', 'nanostores', 'immer', 'xstate'],
    script: `
      import { createStore } from 'zustand/vanilla';
      import { immer } from 'zustand/middleware/immer';
      import { atom, createStore as jotai } from 'jotai/vanilla';
      import { computed, atom as nano } from 'nanostores';
      import { createActor, createMachine } from 'xstate';
      const store = createStore(immer((set) => ({ list: [1], add: (n) => set((state) => { state.list.push(n); }) })));
      store.getState().add(2);
      const double = atom((get) => get(count) * 2);
      const count = atom(4);
      const source = nano(5);
      const actor = createActor(createMachine({ initial: 'off', states: { off: { on: { flip: 'on' } }, on: {} } })).start();
      actor.send({ type: 'flip' });
      globalThis.state = [store.getState().list, jotai().get(double), computed(source, (n) => n + 1).get(), actor.getSnapshot().value].join();
    `,
    holds: 'globalThis.state === "1,2,8,6,on"',
  },
  {
    name: 'graphql',
    packages: ['graphql'],
    script: `
      import { buildSchema, graphql } from 'graphql';
      const schema = buildSchema('type Query { hello: String }');
      graphql({ schema, source: '{ hello }', rootValue: { hello: 'world' } }).then(({ data }) => { globalThis.hello = data.hello; });
    `,
    holds: 'globalThis.hello === "world"',
  },
  {
    name: 'apollo-client',
    packages: ['@apollo/client', 'graphql', 'rxjs'],
    script: `
      import { ApolloClient, ApolloLink, InMemoryCache, gql } from '@apollo/client';
      import { of } from 'rxjs';
      const link = new ApolloLink(() => of({ data: { hello: 'world' } }));
      const client = new ApolloClient({ link, cache: new InMemoryCache() });
      client.query({ query: gql\`{ hello }\` }).then(({ data }) => { globalThis.hello = data.hello; });
    `,
    holds: 'globalThis.hello === "world"',
  },
  {
    name: 'alpinejs',
    packages: ['alpinejs'],
    body: '<div x-data="{ count: 1 }"><b x-text="count"></b><button @click="count = 7"></button></div>',
    script: `
      import Alpine from 'alpinejs';
      Alpine.start();
      document.querySelector('button').click();
    `,
    holds: 'document.querySelector("b").textContent === "7"',
  },
  {
    name: 'htmx',
    packages: ['htmx.org'],
    body: '<div id="target" hx-get="part.html" hx-trigger="load"></div>',
    files: { 'part.html': '<b>part</b>' },
    script: `import 'htmx.org';`,
    holds: 'document.querySelector("#target b")?.textContent === "part"',
  },
  {
    name: 'mermaid',
    packages: ['mermaid'],
    body: '<pre class="mermaid">graph TD; A[Start] --> B[End];</pre>',
    script: `
      import mermaid from 'mermaid';
      mermaid.initialize({ startOnLoad: false });
      await mermaid.run();
    `,
    holds: 'document.querySelector(".mermaid svg")?.textContent.includes("Start")',
  },
  {
    name: 'chart.js',
    packages: ['chart.js'],
    body: '<canvas id="chart" width="200" height="100"></canvas>',
    script: `
      import { Chart } from 'chart.js/auto';
      const chart = new Chart('chart', { type: 'bar', data: { labels: ['a', 'b'], datasets: [{ data: [1, 2] }] }, options: { animation: false } });
      globalThis.bars = chart.getDatasetMeta(0).data.length;
    `,
    holds: 'globalThis.bars === 2',
  },
  {
    name: 'echarts',
    packages: ['echarts'],
    body: '<div id="chart" style="width: 300px; height: 200px"></div>',
    script: `
      import * as echarts from 'echarts';
      const chart = echarts.init(document.querySelector('#chart'), null, { renderer: 'svg' });
      chart.setOption({ animation: false, xAxis: { data: ['a', 'b'] }, yAxis: {}, series: [{ type: 'bar', data: [5, 20] }] });
    `,
    holds: 'document.querySelectorAll("#chart svg path").length > 3',
  },
  {
    name: 'observable-plot',
    packages: ['@observablehq/plot'],
    body: '<div id="chart"></div>',
    script: `
      import * as Plot from '@observablehq/plot';
      document.querySelector('#chart').append(Plot.barY([1, 2, 3]).plot());
    `,
    holds: 'document.querySelectorAll("#chart svg rect").length === 3',
  },
  {
    name: 'vega',
    packages: ['vega', 'vega-lite'],
    body: '<div id="chart"></div>',
    script: `
      import * as vega from 'vega';
      import { compile } from 'vega-lite';
      const { spec } = compile({ data: { values: [{ a: 'x', b: 1 }, { a: 'y', b: 2 }] }, mark: 'bar',
        encoding: { x: { field: 'a', type: 'nominal' }, y: { field: 'b', type: 'quantitative' } } });
      await new vega.View(vega.parse(spec), { renderer: 'svg', container: '#chart' }).runAsync();
    `,
    holds: 'document.querySelectorAll("#chart svg .mark-rect path").length === 2',
  },
  {
    name: 'leaflet',
    packages: ['leaflet'],
    body: '<div id="map" style="height: 200px"></div>',
    script: `
      import L from 'leaflet';
      import 'leaflet/dist/leaflet.css';
      const map = L.map('map').setView([51.5, -0.09], 13);
      L.circle([51.5, -0.09], { radius: 200 }).addTo(map);
    `,
    holds: 'document.querySelectorAll("#map .leaflet-overlay-pane path").length === 1 && getComputedStyle(document.querySelector("#map")).overflow === "hidden"',
  },
];
