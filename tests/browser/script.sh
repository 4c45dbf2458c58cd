#!/bin/sh
# A complete session. Run it in the folder of a site while a browser opens the page.
set -eu
pagewire serve --detach --port 0 --inject always
pagewire wait --sockets 1 --timeout 20
pagewire eval 'document.title'
pagewire eval 'sessionStorage.loads'
pagewire reload --wait
pagewire eval 'sessionStorage.loads'
pagewire stop
