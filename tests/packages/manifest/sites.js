/** Static sites: those that packages contain, and pages that load what packages have built for browsers. */

const scripts = (...urls) => urls.map((url) => `<script src="/node_modules/${url}"></script>`).join('\n');
const styles = (...urls) => urls.map((url) => `<link rel="stylesheet" href="/node_modules/${url}">`).join('\n');

export const SITES = [
  {
    name: 'reveal.js',
    packages: ['reveal.js'],
    dozen: true,
    copy: 'reveal.js',
    stylesheet: 'dist/reveal.css',
    main: 'dist/reveal.js',
    holds: 'window.Reveal?.isReady() && document.querySelector(".slides section.present")?.textContent === "Slide 1" && Boolean(Reveal.getPlugin("markdown"))',
  },
  {
    name: 'swagger-ui',
    packages: ['swagger-ui-dist'],
    copy: 'swagger-ui-dist',
    stylesheet: 'index.css',
    main: 'swagger-initializer.js',
    script: `
      window.onload = () => {
        window.ui = SwaggerUIBundle({ url: 'api.json', dom_id: '#swagger-ui', presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset], layout: 'StandaloneLayout' });
      };
    `,
    files: {
      'api.json': JSON.stringify({ openapi: '3.0.0', info: { title: 'An API', version: '1' }, paths: { '/pets': { get: { responses: { 200: { description: 'all' } } } } } }),
    },
    holds: 'document.querySelector("#swagger-ui .title")?.textContent.includes("An API") && document.querySelectorAll(".opblock").length === 1',
  },
  {
    name: 'impress.js',
    packages: ['impress.js'],
    copy: 'impress.js',
    stylesheet: 'css/impress-common.css',
    main: 'js/impress.js',
    // Its fonts are on another server.
    noise: [/net::ERR_/],
    holds: 'document.body.classList.contains("impress-enabled") && document.querySelectorAll(".step.active").length === 1',
  },
  {
    name: 'docsify',
    packages: ['docsify', 'prismjs'],
    isClassic: true,
    head: `${styles('docsify/dist/themes/core.css')}\n<script defer src="/node_modules/docsify/dist/docsify.js"></script>`,
    body: '<div id="app"></div>',
    script: `window.$docsify = { el: '#app', homepage: 'home.md', loadSidebar: 'sidebar.md' };`,
    files: { 'home.md': '# The title\n\nSome *text* and [more](more.md).\n', 'sidebar.md': '- [Home](/)\n- [More](more.md)\n', 'more.md': '# More\n' },
    holds: 'document.querySelector("#main h1")?.textContent.includes("The title") && document.querySelectorAll(".sidebar-nav li").length >= 2',
  },
  {
    name: 'bootstrap',
    packages: ['bootstrap'],
    head: styles('bootstrap/dist/css/bootstrap.css') + scripts('bootstrap/dist/js/bootstrap.bundle.js'),
    body: '<button class="btn btn-primary" data-bs-toggle="collapse" data-bs-target="#more">more</button><div id="more" class="collapse">text</div>',
    script: `document.querySelector('.btn').click();`,
    holds: 'document.querySelector("#more.show") !== null && getComputedStyle(document.querySelector(".btn")).display === "inline-block"',
  },
  {
    name: 'bulma',
    packages: ['bulma'],
    head: styles('bulma/css/bulma.css'),
    body: '<button class="button is-primary">press</button>',
    script: `globalThis.loaded = true;`,
    holds: 'getComputedStyle(document.querySelector(".button")).display === "inline-flex"',
  },
  {
    name: 'tinymce',
    packages: ['tinymce'],
    head: scripts('tinymce/tinymce.js'),
    body: '<textarea id="text">&lt;p&gt;text&lt;/p&gt;</textarea>',
    script: `tinymce.init({ selector: '#text', license_key: 'gpl', plugins: 'lists link table', promotion: false, branding: false });`,
    holds: 'window.tinymce?.activeEditor?.initialized && tinymce.activeEditor.getContent() === "<p>text</p>" && Boolean(document.querySelector(".tox-toolbar__primary, .tox-toolbar"))',
  },
  {
    name: 'pyodide',
    packages: ['pyodide'],
    script: `
      import { loadPyodide } from '/node_modules/pyodide/pyodide.mjs';
      const pyodide = await loadPyodide({ indexURL: '/node_modules/pyodide/' });
      globalThis.total = pyodide.runPython('import json; sum(json.loads("[1, 2, 3]"))');
    `,
    holds: 'globalThis.total === 6',
  },
  {
    name: 'plyr',
    packages: ['plyr'],
    head: styles('plyr/dist/plyr.css') + scripts('plyr/dist/plyr.js'),
    body: '<audio id="audio" controls></audio>',
    script: `new Plyr('#audio', { iconUrl: '/node_modules/plyr/dist/plyr.svg' });`,
    holds: 'document.querySelector(".plyr--audio .plyr__controls") !== null && document.querySelector(".plyr__controls svg use") !== null',
  },
  {
    name: 'mermaid-script',
    packages: ['mermaid'],
    head: scripts('mermaid/dist/mermaid.min.js'),
    body: '<pre class="mermaid">sequenceDiagram\nAnn->>Bob: hello</pre>',
    script: `mermaid.initialize({ startOnLoad: false }); await mermaid.run();`,
    holds: 'document.querySelector(".mermaid svg")?.textContent.includes("hello")',
  },
  {
    name: 'classic-scripts',
    packages: ['vue', 'jquery', 'lodash', 'moment', 'underscore', 'immutable'],
    isClassic: true,
    head: scripts('vue/dist/vue.global.js', 'jquery/dist/jquery.js', 'lodash/lodash.js', 'moment/min/moment-with-locales.js', 'immutable/dist/immutable.js'),
    body: '<div id="app">{{ text }}</div><p></p>',
    script: `
      Vue.createApp({ data: () => ({ text: _.capitalize('vue') }) }).mount('#app');
      $('p').text(moment('2024-02-29').locale('de').format('D. MMMM') + Immutable.List([1, 2]).size);
    `,
    holds: 'document.querySelector("#app").textContent === "Vue" && document.querySelector("p").textContent === "29. Februar2"',
  },
  {
    name: 'leaflet-script',
    packages: ['leaflet'],
    isClassic: true,
    head: styles('leaflet/dist/leaflet.css') + scripts('leaflet/dist/leaflet.js'),
    body: '<div id="map" style="height: 200px"></div>',
    script: `L.marker([51.5, -0.09]).addTo(L.map('map').setView([51.5, -0.09], 13));`,
    holds: 'document.querySelector("#map .leaflet-marker-icon")?.naturalWidth > 0',
  },
  {
    name: 'katex-script',
    packages: ['katex'],
    head: styles('katex/dist/katex.css') + scripts('katex/dist/katex.js', 'katex/dist/contrib/auto-render.js'),
    body: '<p>$x^2$</p>',
    script: `renderMathInElement(document.body, { delimiters: [{ left: '$', right: '$', display: false }] }); await document.fonts.ready;`,
    holds: '[...document.fonts].some(({ family, status }) => /KaTeX/.test(family) && status === "loaded") && Boolean(document.querySelector(".katex"))',
  },
  {
    name: 'import-map',
    packages: ['three', 'lit'],
    head: `<script type="importmap">{ "imports": { "three": "/node_modules/three/build/three.module.js", "three/addons/": "/node_modules/three/examples/jsm/" } }</script>`,
    script: `
      import * as THREE from 'three';
      import { OrbitControls } from 'three/addons/controls/OrbitControls.js';
      globalThis.same = new OrbitControls(new THREE.PerspectiveCamera(), document.body).object instanceof THREE.Object3D;
    `,
    holds: 'globalThis.same',
  },
  {
    name: 'pdf-viewer',
    packages: ['pdfjs-dist'],
    head: styles('pdfjs-dist/web/pdf_viewer.css'),
    body: '<div id="container" style="position: absolute; width: 300px; height: 300px; overflow: auto"><div class="pdfViewer"></div></div>',
    script: `
      import * as pdfjs from '/node_modules/pdfjs-dist/build/pdf.mjs';
      globalThis.pdfjsLib = pdfjs;
      const { EventBus, PDFLinkService, PDFViewer } = await import('/node_modules/pdfjs-dist/web/pdf_viewer.mjs');
      pdfjs.GlobalWorkerOptions.workerSrc = '/node_modules/pdfjs-dist/build/pdf.worker.mjs';
      const pdf = '%PDF-1.1\\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\\n'
        + '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\\ntrailer<</Root 1 0 R>>\\n%%EOF';
      const eventBus = new EventBus();
      const viewer = new PDFViewer({ container: document.querySelector('#container'), eventBus, linkService: new PDFLinkService({ eventBus }) });
      viewer.setDocument(await pdfjs.getDocument({ data: new TextEncoder().encode(pdf) }).promise);
    `,
    holds: 'document.querySelectorAll(".pdfViewer .page canvas").length === 1',
  },
  {
    name: 'custom-elements',
    packages: ['swiper', '@shoelace-style/shoelace'],
    head: `${styles('@shoelace-style/shoelace/cdn/themes/light.css')}\n${scripts('swiper/swiper-element-bundle.js')}
<script type="module" src="/node_modules/@shoelace-style/shoelace/cdn/shoelace-autoloader.js"></script>`,
    body: '<swiper-container><swiper-slide>1</swiper-slide><swiper-slide>2</swiper-slide></swiper-container><sl-switch checked>on</sl-switch>',
    script: `await customElements.whenDefined('sl-switch');`,
    holds: 'document.querySelector("swiper-container").swiper?.slides.length === 2 && document.querySelector("sl-switch").shadowRoot?.querySelector("input").checked',
  },
];
