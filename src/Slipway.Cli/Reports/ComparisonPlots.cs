using ScottPlot;
using Slipway.Evaluation.Comparison;

namespace Slipway.Cli.Reports;

/// <summary>Draws a comparison: perplexity over size and over speed, and every score with its interval.</summary>
internal static class ComparisonPlots
{
    private const int Width = 900;
    private const int Height = 420;
    private const double Megabyte = 1e6;

    public static IEnumerable<ComparisonPlot> Draw(ComparisonReport report)
    {
        if (Find(report, "perplexity") is { } perplexity)
        {
            yield return Scatter(
                report, "perplexity over size", "MB", [.. report.Packages.Select(package => package.Bytes / Megabyte)],
                perplexity);
            if (Find(report, "decode_tokens_per_second") is { } decode)
            {
                yield return Scatter(
                    report, "perplexity over speed", "tokens/s decoded by one stream",
                    [.. decode.Select(score => score.Estimate.Value)], perplexity);
            }
        }

        for (var index = 0; index < report.Packages[0].Scores.Count; index++)
        {
            yield return Bars(report, [.. report.Packages.Select(package => package.Scores[index])]);
        }
    }

    private static ComparedScore[]? Find(ComparisonReport report, string name)
        => report.Packages.All(package => package.Scores.Any(score => score.Name == name))
            ? [.. report.Packages.Select(package => package.Scores.First(score => score.Name == name))]
            : null;

    private static ComparisonPlot Scatter(
        ComparisonReport report, string title, string axis, double[] places, ComparedScore[] perplexity)
    {
        using var plot = new Plot();
        plot.Title(title);
        plot.XLabel(axis);
        plot.YLabel("perplexity, less is better");
        for (var i = 0; i < places.Length; i++)
        {
            var point = plot.Add.ScatterPoints(new[] { places[i] }, new[] { perplexity[i].Estimate.Value });
            point.MarkerSize = 10;
            point.LegendText = report.Packages[i].Name;
        }

        plot.ShowLegend(Edge.Right);
        plot.Axes.Margins(0.15, 0.2);
        return new ComparisonPlot(title, plot.GetSvgXml(Width, Height));
    }

    private static ComparisonPlot Bars(ComparisonReport report, ComparedScore[] scores)
    {
        var title = ComparisonTable.Title(scores[0]);
        using var plot = new Plot();
        plot.Title(title + (scores[0].HigherIsBetter ? ", more is better" : ", less is better"));
        for (var i = 0; i < scores.Length; i++)
        {
            var estimate = scores[i].Estimate;
            if (double.IsFinite(estimate.Value))
            {
                plot.Add.Bar(i, estimate.Value);
            }

            if (double.IsFinite(estimate.Low) && double.IsFinite(estimate.High))
            {
                plot.Add.Line(i, estimate.Low, i, estimate.High).Color = Colors.Black;
            }
        }

        plot.Axes.Bottom.SetTicks(
            [.. Enumerable.Range(0, scores.Length).Select(i => (double)i)],
            [.. report.Packages.Select(package => package.Name)]);
        plot.Axes.Margins(bottom: 0);
        return new ComparisonPlot(title, plot.GetSvgXml(Width, Height));
    }
}

/// <summary>Holds a plot.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Svg">The plot as SVG.</param>
internal sealed record ComparisonPlot(string Title, string Svg);
