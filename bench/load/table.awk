# The medians of the rounds in results.tsv, as tables for README.md, with the
# range after some. A multiple of the floor is reckoned in each round.
function median(list, values, n) {
	n = sorted(list, values)
	return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}
# sorted fills values, from the least to the greatest, and says how many. "-" is
# none: it was not measured in that round.
function sorted(list, values, found, count, n, i, j) {
	count = split(list, found, " ")
	for (i = 1; i <= count; i++) {
		if (found[i] == "-") continue
		for (j = n++; j >= 1 && values[j] > found[i] + 0; j--) values[j + 1] = values[j]
		values[j + 1] = found[i] + 0
	}
	return n
}
function range(list, n, values) {
	n = sorted(list, values)
	return n > 1 ? sprintf(" (%.2f-%.2f)", values[1], values[n]) : ""
}
BEGIN { FS = "\t" }
NR == 1 { for (i = 1; i <= NF; i++) name[i] = $i; next }
{
	if (!($1 in of)) workloads[++count] = $1
	if (!(($1, $2) in seen)) { of[$1] = of[$1] " " $2; seen[$1, $2] }
	for (i = 4; i <= NF; i++) all[$1, $2, name[i]] = all[$1, $2, name[i]] " " $i
}
END {
	print "\n| workload | server | load s | load CPU s | qps | CPU µs/answer | × floor | at half speed | × floor | p50 µs | p99 µs | p99.9 µs | p99.9 reloading | reload s | reload MiB | lost reloading | memory MiB | grown MiB | lost | lost at half | errors |"
	print "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
	for (w = 1; w <= count; w++) {
		workload = workloads[w]
		n = split(of[workload], server, " ")
		for (s = 1; s <= n; s++) {
			row = workload SUBSEP server[s]
			printf "| %s | %s | %.2f | %.2f | %d", workload, server[s], value("load_s"), value("load_cpu_s"), value("qps")
			printf " | %.2f%s | %s", value("cpu_us"), range(all[row, "cpu_us"]), multiple("cpu_us")
			printf " | %.2f | %s", value("half_cpu_us"), multiple("half_cpu_us")
			printf " | %d | %d | %d", value("p50_us"), value("p99_us"), value("p999_us")
			printf " | %s | %s | %s | %s", if_any("reload_p999_us", "%d"), if_any("reload_s", "%.2f"), if_any("reload_peak_mib", "%d"), if_any("reload_lost", "%d")
			printf " | %d | %d", value("rss_mib"), value("grown_mib")
			printf " | %d | %d | %d |\n", value("lost"), value("lost_at_half"), value("errors")
		}
	}
}
function value(column) { return median(all[row, column]) }
# if_any is for columns that not every server, or workload, has.
function if_any(column, format) { return all[row, column] ~ /[0-9]/ ? sprintf(format, value(column)) : "" }
function multiple(column, base, own, ratios, n, i) {
	n = split(all[row, column], own, " ")
	if (split(all[workload, "floor", column], base, " ") != n) return ""
	for (i = 1; i <= n; i++) {
		if (base[i] <= 0) return ""
		ratios = ratios sprintf(" %.4f", own[i] / base[i])
	}
	return sprintf("%.2f%s", median(ratios), range(ratios))
}
