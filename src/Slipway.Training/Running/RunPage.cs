using System.Globalization;
using System.Net;
using System.Text;

namespace Slipway.Training.Running;

/// <summary>Writes what a run did as one HTML page that needs nothing beside itself.</summary>
internal static class RunPage
{
    private const string Head = """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>Training run</title><style>
        body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; color: #222; }
        table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; }
        td, thead th { text-align: right; font-variant-numeric: tabular-nums; } th:first-child { text-align: left; }
        img { max-width: 100%; } pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .85em; }
        </style></head><body>
        """;

    public static byte[] Of(string name, string recipe, TrainingReport report, IReadOnlyList<LogRow> rows)
    {
        var page = new StringBuilder(Head);
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Text(name)}</h1>\n<p>{report.Parameters:N0} weights, ")
            .Append(CultureInfo.InvariantCulture, $"{report.Steps:N0} steps, {report.Tokens:N0} tokens; the last call ")
            .Append(CultureInfo.InvariantCulture, $"took {report.Seconds:N0} s, at {report.TokensPerSecond:N0} tokens ")
            .Append("a second.</p>\n<table><thead><tr><th>stage</th><th>steps</th><th>loss</th><th>held-out loss</th>")
            .Append("<th>reward</th><th>cut</th><th>left out</th></tr></thead>\n");
        foreach (var stage in report.Stages)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><th>{Text(stage.Kind)}</th><td>{stage.Steps:N0}</td>")
                .Append(CultureInfo.InvariantCulture, $"<td>{Number(stage.Loss)}</td>")
                .Append(CultureInfo.InvariantCulture, $"<td>{Number(stage.EvaluationLoss)}</td>")
                .Append(CultureInfo.InvariantCulture, $"<td>{Number(stage.Reward)}</td>")
                .Append(CultureInfo.InvariantCulture, $"<td>{stage.Cut:N0}</td><td>{stage.LeftOut:N0}</td></tr>\n");
        }

        page.Append("</table>\n");
        Append(page, "loss", LossCurve.Draw(name, rows));
        if (rows.Any(row => row.Reward is not null))
        {
            Append(page, "reward", LossCurve.DrawRewards(name, rows));
        }

        page.Append(CultureInfo.InvariantCulture, $"<h2>Recipe</h2>\n<pre>{Text(recipe)}</pre>\n</body></html>\n");
        return Encoding.UTF8.GetBytes(page.ToString());
    }

    private static void Append(StringBuilder page, string name, byte[] image) => page.Append(
        CultureInfo.InvariantCulture,
        $"<img alt=\"{name} by step\" src=\"data:image/png;base64,{Convert.ToBase64String(image)}\">\n");

    private static string Number(double? value) => value?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "–";

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
