using System.Net;
using System.Text;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Comparison;

namespace Slipway.Cli.Reports;

/// <summary>Writes a comparison as one HTML page that needs nothing beside itself.</summary>
internal static class ComparisonPage
{
    private const string Head = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>Packages compared</title><style>
        body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; }
        table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; }
        td, thead th { text-align: right; font-variant-numeric: tabular-nums; } th:first-child, td.text { text-align: left; }
        td small { color: #777; display: block; } td.best { font-weight: 600; } img { max-width: 100%; margin: .5rem 0; }
        code { font-size: .85em; overflow-wrap: anywhere; }
        </style></head><body>
        """;

    public static string Of(ComparisonReport report, string command)
    {
        var page = new StringBuilder(Head);
        page.Append("<h1>Packages compared</h1>\n<p>Made by <code>").Append(Text(command)).Append("</code>.</p>\n");
        AppendScores(page, report);
        foreach (var plot in ComparisonPlots.Draw(report))
        {
            // As an image of its own, whose names of parts do not meet those of the others.
            page.Append("<img alt=\"").Append(Text(plot.Title)).Append("\" src=\"data:image/svg+xml;base64,")
                .Append(Convert.ToBase64String(Encoding.UTF8.GetBytes(plot.Svg))).Append("\">\n");
        }

        AppendProvenance(page, report);
        return page.Append("</body></html>\n").ToString();
    }

    private static void AppendScores(StringBuilder page, ComparisonReport report)
    {
        page.Append("<table><thead><tr><th></th>");
        foreach (var package in report.Packages)
        {
            page.Append("<th>").Append(Text(package.Name)).Append("</th>");
        }

        page.Append("</tr></thead>\n<tr><th>size</th>");
        AppendCells(
            page, report.Packages.Select(package => Amounts.Bytes(package.Bytes)),
            report.Packages.Select(package => -(double)package.Bytes));
        for (var index = 0; index < report.Packages[0].Scores.Count; index++)
        {
            var first = report.Packages[0].Scores[index];
            ComparedScore[] scores = [.. report.Packages.Select(package => package.Scores[index])];
            page.Append("<tr><th>").Append(Text(ComparisonTable.Title(first))).Append("<small> ")
                .Append(first.HigherIsBetter ? "↑" : "↓").Append("</small></th>");
            AppendCells(
                page, scores.Select(score => ComparisonTable.Cell(score.Estimate)),
                scores.Select(score => first.HigherIsBetter ? score.Estimate.Value : -score.Estimate.Value));
        }

        page.Append(
            "</table>\n<p>In brackets: the interval that covers the true value in 95 of 100 samples (Wilson's for "
            + "shares, by the normal distribution for means, by the bootstrap for measures of whole sets, and over "
            + "windows for a text); of speeds the range of the rounds, whose median stands before. ↑ more is better, "
            + "↓ less is; the best of each row is bold.</p>\n");
    }

    private static void AppendCells(StringBuilder page, IEnumerable<string> cells, IEnumerable<double> goodness)
    {
        double[] values = [.. goodness];
        var best = values.Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Max();
        foreach (var (cell, value) in cells.Zip(values))
        {
            var (number, interval) = cell.Split(" (", 2) is [var head, var tail] ? (head, $"({tail}") : (cell, "");
            page.Append(value == best ? "<td class=\"best\">" : "<td>").Append(Text(number));
            if (interval.Length > 0)
            {
                page.Append("<small>").Append(Text(interval)).Append("</small>");
            }

            page.Append("</td>");
        }

        page.Append("</tr>\n");
    }

    private static void AppendProvenance(StringBuilder page, ComparisonReport report)
    {
        page.Append("<h2>What was measured</h2>\n<table><thead><tr><th>package</th><th>folder</th><th>model and "
            + "versions</th></tr></thead>\n");
        foreach (var package in report.Packages)
        {
            page.Append("<tr><th>").Append(Text(package.Name)).Append("</th><td class=\"text\"><code>")
                .Append(Text(package.Path)).Append("</code></td><td class=\"text\"><code>")
                .Append(Text(package.Provenance.ToJsonString())).Append("</code></td></tr>\n");
        }

        page.Append("</table>\n");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
