using Slipway.Cli;
using Slipway.Cli.Terminal;

using var interruption = new Interruption();
return await CommandLine.RunAsync(
    args, StandardStreams.OpenOutput(), StandardStreams.OpenError(), Console.In, interruption.Token)
    .ConfigureAwait(false);
