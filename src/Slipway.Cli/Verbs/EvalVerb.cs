using System.CommandLine;

namespace Slipway.Cli.Verbs;

/// <summary>Measures how good a model is; one measure a subcommand.</summary>
internal static class EvalVerb
{
    public static Command Create(VerbContext context) => new("eval", "Measure how good a model is.")
    {
        EvalPerplexityVerb.Create(context),
        EvalDivergenceVerb.Create(context),
        EvalToolsVerb.Create(context),
        EvalTaskVerb.Create(context),
        EvalCompareVerb.Create(context),
    };
}
