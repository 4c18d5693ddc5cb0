# Turns a Makefile's `target: … ## text` and `##@ Group` lines into the list that `make help` shows.
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z0-9-]+:.*## / {
	name = $0; sub(/:.*/, "", name)
	text = $0; sub(/.*## /, "", text)
	variables = match(text, / *\[.*\]$/) ? substr(text, RSTART) : ""
	sub(/^ +/, "", variables); sub(/ *\[.*\]$/, "", text)
	line = sprintf("  %-12s %-64s %s", name, text, variables)
	sub(/ +$/, "", line)
	print line
}
