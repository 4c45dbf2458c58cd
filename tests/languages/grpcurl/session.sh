# Speaks the contract with grpcurl, as docs/contract.md explains it. Prints what its hook served.
set -euo pipefail

folder=${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/pagewire}
file=$(echo "${folder:-/tmp/pagewire-$UID}"/*.json)
control=$(jq -r .control "$file")
authorization="authorization: Bearer $(cat "$(jq -r .token_file "$file")")"

call() { # METHOD [OPTION...]
  grpcurl -plaintext -H "$authorization" "${@:2}" "$control" "pagewire.v1.ControlService/$1"
}

call ListSockets
call Send -d '{"target": {"all": {}}, "json": "{\"type\": \"hello\"}"}'

mkfifo session calls results
call ServerStart -d '{"plugin_name": "shell", "hooks": ["HOOK_SERVE"]}' >session &
exec 3<session
session=$(sed -un '/sessionId/ { s/.*: "\(.*\)".*/\1/p; q }' <&3)

call Serve -H "pagewire-session: $session" -d @ <results >calls &
exec 4>results 5<calls
echo '{"open": {"filters": [{"exact_paths": ["/hello.txt"]}]}}' >&4
sed -u '/opened/q' <&5

curl -s "$(jq -r .http "$file")/hello.txt" &
curl=$!
id=$(sed -un '/callId/ { s/.*: "\(.*\)".*/\1/p; q }' <&5)
body=$(printf 'Hello from a shell' | base64)
echo "{\"result\": {\"call_id\": $id, \"content\": {\"inline_body\": \"$body\"}}}" >&4
wait "$curl"

call EndSession -d "{\"session_id\": \"$session\"}"
