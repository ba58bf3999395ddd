using System.CommandLine;

namespace Slipway.Cli;

/// <summary>Refuses options that would say nothing, so that none is left out without a word.</summary>
internal static class OptionChecks
{
    /// <summary>Requires that none of the options was given.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="options">The options.</param>
    /// <param name="why">What they are for, as the sentence goes on after the name.</param>
    /// <exception cref="UsageException">One was.</exception>
    public static void RequireNone(ParseResult result, IEnumerable<Option> options, string why)
    {
        foreach (var option in options)
        {
            if (result.GetResult(option) is { Implicit: false })
            {
                throw new UsageException($"'{option.Name}' {why} Leave it out.");
            }
        }
    }
}
