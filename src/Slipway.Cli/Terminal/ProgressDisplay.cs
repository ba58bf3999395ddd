using Spectre.Console;

namespace Slipway.Cli.Terminal;

/// <summary>Draws the progress of long work on standard error, where that is a terminal.</summary>
internal static class ProgressDisplay
{
    /// <summary>Does work that reports a share from 0 to 1 and a few words.</summary>
    public static async Task<T> RunAsync<T>(
        VerbContext context, string title, Func<IProgress<(double Share, string Words)>, Task<T>> work)
    {
        if (!context.ShowsProgress)
        {
            return await work(new Callback(_ => { })).ConfigureAwait(false);
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Error) });
        return await console.Progress()
            .AutoClear(true)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
                new RemainingTimeColumn())
            .StartAsync(async display =>
            {
                var bar = display.AddTask(Markup.Escape(title), maxValue: 1);
                return await Task.Run(() => work(new Callback(value =>
                {
                    bar.Value = value.Share;
                    bar.Description = Markup.Escape($"{title} {value.Words}".TrimEnd());
                }))).ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    // On the caller's thread: Progress<T> would reorder reports.
    private sealed class Callback(Action<(double Share, string Words)> report) : IProgress<(double Share, string Words)>
    {
        public void Report((double Share, string Words) value) => report(value);
    }
}
