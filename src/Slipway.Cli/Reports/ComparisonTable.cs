using Slipway.Cli.Terminal;
using Slipway.Evaluation.Comparison;
using Slipway.Evaluation.Statistics;
using Spectre.Console;

namespace Slipway.Cli.Reports;

/// <summary>Writes a comparison as a table: a package a column, a measure a row.</summary>
internal static class ComparisonTable
{
    public static Table Of(ComparisonReport report)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("", column => column.NoWrap());
        foreach (var package in report.Packages)
        {
            table.AddColumn(Markup.Escape(package.Name), column => column.NoWrap().RightAligned());
        }

        table.AddRow(["size", .. report.Packages.Select(package => Amounts.Bytes(package.Bytes))]);
        for (var index = 0; index < report.Packages[0].Scores.Count; index++)
        {
            table.AddRow(
            [
                Markup.Escape(Title(report.Packages[0].Scores[index])),
                .. report.Packages.Select(package => Cell(package.Scores[index].Estimate)),
            ]);
        }

        return table;
    }

    /// <summary>The words for a measure.</summary>
    public static string Title(ComparedScore score)
        => (score.Source is "text" or "speed" ? "" : $"{score.Source} ") + score.Name.Replace('_', ' ');

    /// <summary>The value with its interval, in a few digits.</summary>
    public static string Cell(Estimate estimate)
        => $"{Digits(estimate.Value)} ({Digits(estimate.Low)} to {Digits(estimate.High)})";

    private static string Digits(double value)
        => Amounts.Number(value, Math.Abs(value) >= 100 ? "0.0" : Math.Abs(value) >= 1 ? "0.00" : "0.0000");
}
