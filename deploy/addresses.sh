#!/bin/sh
# Writes the rules for Prometheus and the dashboards for Grafana with your addresses in them, so that
# every link of an alert and of a panel leads somewhere on the day of the installation.
#
#   deploy/addresses.sh GRAFANA RUNBOOKS PAGE FOLDER
#
#   GRAFANA   the address of Grafana, such as https://grafana.example.org
#   RUNBOOKS  where a copy of docs/operations.md can be read, without the name of the file, such as
#             https://git.example.org/ops/driftless/blob/main/docs
#   PAGE      the address of driftless's own page, such as https://driftless.example.org
#   FOLDER    where to write rules.yml and dashboards/
set -eu

[ $# = 4 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for address in "$1" "$2" "$3"; do
    case $address in
        *[!A-Za-z0-9:/._~%@+=,-]*) echo "\`$address\` is no plain address" >&2; exit 2 ;;
        http://?* | https://?*) ;;
        *) echo "\`$address\` does not begin with http:// or https://" >&2; exit 2 ;;
    esac
done
here=$(dirname "$0")
grafana=${1%/} runbooks=${2%/} page=${3%/} folder=$4

mkdir -p "$folder/dashboards"
sed -e "s|https://grafana\.example\.com|$grafana|g" -e "s|https://docs\.example\.com/driftless|$runbooks|g" \
    "$here/prometheus/rules.yml" >"$folder/rules.yml"
for name in fleet bucket agent; do
    sed -e "s|http://127\.0\.0\.1:9464|$page|g" "$here/grafana/dashboards/$name.json" >"$folder/dashboards/$name.json"
done
