using System.Diagnostics;

namespace Slipway.Cli.Tests;

/// <summary>Runs the tool as a process of its own, by a line of shell to which its command is "$@".</summary>
internal static class ToolProcess
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "Slipway.Cli.dll");

    public static Process Start(string shell, params string[] arguments)
        => StartCommand(shell, ["dotnet", Path, .. arguments]);

    public static async Task<ToolRun> RunAsync(string shell, params string[] arguments)
    {
        using var process = Start(shell, arguments);
        return await EndAsync(process);
    }

    /// <summary>Waits for the end of a process.</summary>
    public static async Task<ToolRun> EndAsync(Process process)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return new ToolRun(process.ExitCode, await output, await error);
    }

    /// <summary>Runs a program that must succeed.</summary>
    public static async Task RequireAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Skips the test where a line of shell fails, by which it asks for what the machine must allow.</summary>
    public static async Task SkipUnlessAsync(string shell, string why, params string[] arguments)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Users, mounts and signals are those of Unix.");
        using var process = StartCommand(shell, arguments);
        Assert.SkipUnless((await EndAsync(process)).Code == 0, why);
    }

    private static Process StartCommand(string shell, string[] arguments)
        => Process.Start(new ProcessStartInfo("sh", ["-c", shell, "sh", .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
}
