using System.Globalization;
using Spectre.Console;

/// <summary>Writes rates, and ratios of rates within a round; both are medians over rounds.</summary>
internal sealed class SpeedTable(
    IReadOnlyList<IContender> contenders, IReadOnlyList<IReadOnlyDictionary<int, Rates>[]> rounds)
{
    private const int Batch = 8;

    private readonly int[] _peers = [.. Enumerable.Range(0, contenders.Count)
        .Where(index => contenders[index] is not SlipwayContender)];

    public void Write()
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("prefill | decode", "tok/s");
        table.AddColumns([.. _peers.Select(peer => $"× {contenders[peer].Name}")]);
        table.AddColumns("× plain loop", $"decode × its {Batch} streams");
        for (var index = 0; index < contenders.Count; index++)
        {
            foreach (var streams in rounds[0][index].Keys.Order())
            {
                table.AddRow([.. Cells(index, streams).Select(Markup.Escape)]);
            }
        }

        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 140);
        AnsiConsole.Write(table);
    }

    private IEnumerable<string> Cells(int index, int streams)
    {
        var plain = streams == SlipwayContender.PlainLoop;
        var run = plain ? "plain loop" : streams == 1 ? "1 stream" : $"{streams} streams";
        yield return $"{contenders[index].Name}, {run}";
        yield return Pair(round => round[index][streams], "F0");
        foreach (var peer in _peers)
        {
            var beside = plain ? 1 : streams;
            yield return peer == index || !rounds[0][peer].ContainsKey(beside)
                ? "" : Pair(round => Ratio(round[index][streams], round[peer][beside]), "F2");
        }

        yield return plain || !rounds[0][index].ContainsKey(SlipwayContender.PlainLoop)
            ? "" : Pair(round => Ratio(round[index][streams], round[index][SlipwayContender.PlainLoop]), "F2");
        yield return plain || !rounds[0][index].ContainsKey(Batch)
            ? "" : Number(rounds.Select(round => round[index][streams].Decode / round[index][Batch].Decode), "F2");
    }

    private static Rates Ratio(Rates rates, Rates beside)
        => new(rates.Prefill / beside.Prefill, rates.Decode / beside.Decode);

    private string Pair(Func<IReadOnlyDictionary<int, Rates>[], Rates> rates, string format)
        => $"{Number(rounds.Select(rates).Select(one => one.Prefill), format)} | "
            + Number(rounds.Select(rates).Select(one => one.Decode), format);

    private static string Number(IEnumerable<double> values, string format)
    {
        double[] sorted = [.. values.Order()];
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return median.ToString(format, CultureInfo.InvariantCulture);
    }
}
