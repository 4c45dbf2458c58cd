/** The application and icons, whose package has one module for each of its icons. */
import { Camera } from 'lucide-react';
import './main.js';

globalThis.icon = Camera;
