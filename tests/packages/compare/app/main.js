/**
 * An application with twenty dependencies, in JavaScript that every server can serve as it is. When all of it is
 * rendered, it posts to the port in the page's URL fragment.
 */

import { createElement as h, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { Link, MemoryRouter, Route, Routes } from 'react-router-dom';
import { configureStore, createSlice } from '@reduxjs/toolkit';
import { Provider, useSelector } from 'react-redux';
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { create } from 'zustand';
import axios from 'axios';
import dayjs from 'dayjs';
import relativeTime from 'dayjs/plugin/relativeTime';
import _ from 'lodash';
import classNames from 'classnames';
import { motion } from 'framer-motion';
import { Global, css } from '@emotion/react';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import i18next from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import { v5 } from 'uuid';
import { produce } from 'immer';
import { Chart } from 'chart.js/auto';

dayjs.extend(relativeTime);
await i18next.use(initReactI18next).init({ lng: 'en', resources: { en: { translation: { title: 'Title' } } } });
const counter = createSlice({ name: 'counter', initialState: { n: 3 }, reducers: {} });
const store = configureStore({ reducer: counter.reducer });
const useStore = create(() => ({ z: 4 }));
const Schema = z.object({ name: z.string() });

function Home() {
  const { t } = useTranslation();
  const n = useSelector((state) => state.n);
  const count = useStore(({ z: value }) => value);
  const { register } = useForm({ defaultValues: Schema.parse({ name: 'Ann' }) });
  const { data } = useQuery({ queryKey: ['answer'], queryFn: async () => produce({ n: 0 }, (draft) => { draft.n = 5; }) });
  useEffect(() => {
    if (!data) return;
    const chart = new Chart('chart', { type: 'line', data: { labels: [1, 2], datasets: [{ data: [1, 2] }] }, options: { animation: false } });
    const report = { texts: document.querySelector('#app').innerText, points: chart.getDatasetMeta(0).data.length };
    fetch(`http://127.0.0.1:${location.hash.slice(1)}/`, { method: 'POST', mode: 'no-cors', body: JSON.stringify(report) });
    return () => chart.destroy();
  }, [data]);
  const texts = [t('title'), n, count, data?.n, dayjs('2024-01-01').from('2024-01-03'), _.kebabCase('One Two'), typeof axios.get,
    v5('name', v5.URL)];
  return h(motion.div, { className: classNames('home', { ready: data }) }, h(Global, { styles: css({ body: { margin: 5 } }) }),
    h('input', register('name')), h('p', null, texts.join(' ')), h(Link, { to: '/' }, 'home'), h('canvas', { id: 'chart' }));
}

createRoot(document.querySelector('#app')).render(h(Provider, { store }, h(QueryClientProvider, { client: new QueryClient() },
  h(MemoryRouter, null, h(Routes, null, h(Route, { path: '/', element: h(Home) }))))));
