using Microsoft.Extensions.Logging;

namespace Slipway.Cli.Terminal;

/// <summary>Writes what a model warns of as lines. Thread-safe where the writer is.</summary>
/// <param name="output">Where the lines go.</param>
internal sealed class WarningLog(TextWriter output) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is LogLevel.Warning;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            output.WriteLine($"slipway: {formatter(state, exception)}");
        }
    }

    public void Dispose()
    {
    }
}
