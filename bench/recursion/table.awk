# The medians of the rounds in results.tsv, as tables for README.md. After a
# median of processor time is its range.

# sorted fills values, from the least to the greatest, and says how many.
function sorted(list, values, n, i, j, v) {
	n = split(list, values, " ")
	for (i = 2; i <= n; i++) {
		v = values[i] + 0
		for (j = i - 1; j >= 1 && values[j] + 0 > v; j--) values[j + 1] = values[j]
		values[j + 1] = v
	}
	return n
}
function median(list, values, n) {
	n = sorted(list, values)
	return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}
function range(list, n, values) {
	n = sorted(list, values)
	return n > 1 ? sprintf(" (%.0f-%.0f)", values[1], values[n]) : ""
}
function value(column) { return median(all[row, column]) }
BEGIN { FS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
{
	if (!(($1, $2) in seen)) { rows[++count] = $1 SUBSEP $2; seen[$1, $2] }
	for (i = 4; i <= NF; i++) all[$1, $2, name[i]] = all[$1, $2, name[i]] " " $i
}
END {
	print "\n| workload | server | resolutions per CPU second | CPU µs each | packets each | answered % | failed | lost | p50 ms | p90 ms | p99 ms | qps | memory MiB |"
	print "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
	for (r = 1; r <= count; r++) {
		row = rows[r]
		split(row, part, SUBSEP)
		printf "| %s | %s | %d | %.0f%s | %.2f", part[1], part[2], 1000000 / value("cpu_us"), value("cpu_us"), range(all[row, "cpu_us"]), value("packets")
		printf " | %.2f | %d | %d", 100 * value("answered") / value("asked"), value("failed"), value("lost")
		printf " | %.1f | %.1f | %.1f | %d | %d |\n", value("p50_ms"), value("p90_ms"), value("p99_ms"), value("qps"), value("rss_mib")
	}
}
