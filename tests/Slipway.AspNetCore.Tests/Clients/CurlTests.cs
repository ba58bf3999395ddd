using System.Diagnostics;
using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>Runs the commands that the documents show, as they stand there but for the server's address.</summary>
public sealed partial class CurlTests
{
    [Theory]
    [InlineData("README.md", 1)]
    [InlineData("docs/server.md", 2)]
    public async Task Commands_OfADocument_Work(string document, int blocks)
    {
        Assert.SkipUnless(HasCurl(), "There is no 'curl' or no 'bash'.");
        await using var server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "int4"));
        var text = await File.ReadAllTextAsync(
            Path.Combine(SharedAssets.Repository, document), TestContext.Current.CancellationToken);
        string[] scripts =
        [
            .. Block().Matches(text).Select(match => match.Groups[1].Value)
                .Where(script => script.Contains("curl ", StringComparison.Ordinal)),
        ];
        Assert.Equal(blocks, scripts.Length);
        foreach (var script in scripts)
        {
            // The first line of some starts the server. An error status is an error here.
            var commands = ServerLine().Replace(script, "")
                .Replace("http://127.0.0.1:8080/", server.Address.ToString(), StringComparison.Ordinal)
                .Replace("curl ", "curl --fail-with-body --silent --max-time 60 ", StringComparison.Ordinal);
            var (code, output) = await RunAsync($"set -eu -o pipefail\n{commands}");
            TestContext.Current.TestOutputHelper!.WriteLine(output);
            Assert.True(code == 0, output);
            Assert.DoesNotContain("\"error\":{", output, StringComparison.Ordinal);
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", script])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }

    private static bool HasCurl() => Array.TrueForAll(["curl", "bash"], name => (
        Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(
        folder => File.Exists(Path.Combine(folder, name))));

    [GeneratedRegex(@"```bash\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^dotnet run .*$", RegexOptions.Multiline)]
    private static partial Regex ServerLine();
}
