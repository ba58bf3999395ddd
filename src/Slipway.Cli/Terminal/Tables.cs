using Spectre.Console;

namespace Slipway.Cli.Terminal;

/// <summary>Writes tables to standard output.</summary>
internal static class Tables
{
    // Where no terminal says how wide it is, a table is as wide as its cells.
    private const int Unlimited = 10_000;

    public static void Write(VerbContext context, Table table)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) });
        if (!ReferenceEquals(context.Output, Console.Out) || Console.IsOutputRedirected)
        {
            console.Profile.Width = Unlimited;
        }

        console.Write(table);
    }
}
