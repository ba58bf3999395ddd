using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Guidance;

namespace Slipway.Cli.Verbs;

/// <summary>Measures what token masks cost.</summary>
internal static class BenchGuidanceVerb
{
    public static Command Create(VerbContext context)
    {
        var source = new Argument<string>("SOURCE") { Description = "A package, a checkpoint, or a tokenizer.json." };
        var rounds = new Option<int>("--rounds")
        {
            Description = "Rounds; medians are shown.", DefaultValueFactory = _ => 5,
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "guidance", "Measure the masks of a tool list at a vocabulary. Example: slipway bench guidance package")
        {
            source, rounds, json,
        };
        command.SetAction((result, cancellationToken) =>
        {
            var report = GuidanceBench.Measure(
                TextSource.LoadTokenizer(result.GetRequiredValue(source), context), result.GetValue(rounds),
                cancellationToken);
            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(report));
            }
            else
            {
                Write(context.Output, report);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static void Write(TextWriter output, GuidanceReport report)
    {
        output.WriteLine(
            $"vocabulary  {report.VocabularySize} tokens, read in "
            + $"{Amounts.Number(report.VocabularyTime.TotalMilliseconds)} ms");
        output.WriteLine(
            $"compile     {report.Tools} tools in {Amounts.Number(report.CompileTime.TotalMilliseconds)} ms");
        output.WriteLine(
            $"new states  {Microseconds(report.FirstMask)} µs a token, 90 % within "
            + $"{Microseconds(report.FirstMaskNinth)}, longest "
            + Microseconds(report.FirstMaskLongest));
        output.WriteLine(
            $"met before  {Microseconds(report.Mask)} µs a token, longest {Microseconds(report.MaskLongest)}");
        output.WriteLine($"forced      {Amounts.Number(100 * report.ForcedShare)} % of the tokens need no mask");
    }

    private static string Microseconds(TimeSpan time) => Amounts.Number(time.TotalMicroseconds, "0.0");

    private static JsonObject ToJson(GuidanceReport report) => new()
    {
        ["vocabulary_size"] = report.VocabularySize,
        ["tools"] = report.Tools,
        ["vocabulary_milliseconds"] = Math.Round(report.VocabularyTime.TotalMilliseconds, 3),
        ["compile_milliseconds"] = Math.Round(report.CompileTime.TotalMilliseconds, 3),
        ["new_state_microseconds"] = Math.Round(report.FirstMask.TotalMicroseconds, 1),
        ["new_state_microseconds_90"] = Math.Round(report.FirstMaskNinth.TotalMicroseconds, 1),
        ["new_state_microseconds_longest"] = Math.Round(report.FirstMaskLongest.TotalMicroseconds, 1),
        ["mask_microseconds"] = Math.Round(report.Mask.TotalMicroseconds, 1),
        ["mask_microseconds_longest"] = Math.Round(report.MaskLongest.TotalMicroseconds, 1),
        ["forced_share"] = Math.Round(report.ForcedShare, 3),
    };
}
