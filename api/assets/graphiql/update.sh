#!/usr/bin/env bash
# Fetches the bundled files from npm again. Run it after changing a version below, and change README.md with it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent graphiql@3.9.0 react@18.3.1 react-dom@18.3.1 >/dev/null

# take <archive> <file in the package> <file here>
take() {
    tar xzf "$1" --to-stdout "package/$2" | gzip -9n > "$here/$3"
}
take graphiql-3.9.0.tgz graphiql.min.js graphiql.js.gz
take graphiql-3.9.0.tgz graphiql.min.css graphiql.css.gz
take react-18.3.1.tgz umd/react.production.min.js react.js.gz
take react-dom-18.3.1.tgz umd/react-dom.production.min.js react-dom.js.gz
