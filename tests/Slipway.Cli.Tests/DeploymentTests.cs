using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Holds the container file, the systemd unit and the settings in <c>deploy</c> to the tool.</summary>
public sealed class DeploymentTests
{
    private static string Package => Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    private static string[] Dockerfile => File.ReadAllLines(Deployed("Dockerfile"));

    [Fact]
    public void Dockerfile_Copies_WhatTheTreeHas()
    {
        var sources = Dockerfile.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal)
            && !line.Contains("--from", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1]).ToList();
        Assert.Contains("src", sources);
        Assert.All(sources, source => Assert.True(
            Path.Exists(Path.Combine(SharedAssets.Repository, source)), $"There is no '{source}'."));
        var ignored = File.ReadAllLines(Path.Combine(SharedAssets.Repository, ".dockerignore"));
        Assert.DoesNotContain(sources, source => ignored.Contains(source));
        var project = Regex.Match(string.Join('\n', Dockerfile), @"dotnet publish (\S+)").Groups[1].Value;
        Assert.True(Directory.Exists(Path.Combine(SharedAssets.Repository, project)), project);
    }

    [Fact]
    public void Dockerfile_LastStage_RunsAsAUserAndTellsItsHealth()
    {
        var stage = Dockerfile[Array.FindLastIndex(
            Dockerfile, line => line.StartsWith("FROM ", StringComparison.Ordinal))..];
        Assert.Contains("USER $APP_UID", stage);
        Assert.Contains(stage, line => line.StartsWith("HEALTHCHECK ", StringComparison.Ordinal));
        Assert.DoesNotContain(stage, line => line.StartsWith("RUN ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Dockerfile_EntryPoint_AsksForAKey()
    {
        var command = Arguments("ENTRYPOINT ");
        Assert.Equal(["dotnet", "Slipway.Cli.dll"], command[..2]);
        var run = await Tool.RunAsync([.. command[2..], Package]);
        Assert.Equal(1, run.Code);
        Assert.Contains("Others can reach '0.0.0.0', and no key is asked for.", run.Error, StringComparison.Ordinal);
        var help = await Tool.RunAsync([.. command[2..], .. Arguments("CMD ")]);
        Assert.Equal(0, help.Code);
    }

    [Fact]
    public async Task Dockerfile_HealthCheck_FailsWhereNothingListens()
    {
        var command = Arguments("    CMD ");
        Assert.Equal(["dotnet", "Slipway.Cli.dll", "health"], command[..3]);
        var run = await Tool.RunAsync("health", "http://127.0.0.1:1");
        Assert.Equal(1, run.Code);
        Assert.Contains("127.0.0.1:1", run.Output, StringComparison.Ordinal);
        Assert.Equal("", run.Error);
        var wrong = await Tool.RunAsync("health", "nowhere");
        Assert.StartsWith("slipway: 'nowhere' is no address of a server;", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unit_Command_IsOneOfTheTool()
    {
        var unit = await File.ReadAllLinesAsync(Deployed("slipway.service"), TestContext.Current.CancellationToken);
        var command = unit.Single(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))
            .Replace("/srv/slipway/assistant", Package, StringComparison.Ordinal)
            .Replace("--host 127.0.0.1", "--host 0.0.0.0", StringComparison.Ordinal).Split(' ');
        Assert.EndsWith("/Slipway.Cli.dll", command[1], StringComparison.Ordinal);
        var run = await Tool.RunAsync(command[2..]);
        Assert.Contains("no key is asked for", run.Error, StringComparison.Ordinal);
        Assert.All(
            ["DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "Restart=on-failure"],
            line => Assert.Contains(line, unit));
    }

    [Theory]
    [InlineData("Server", typeof(AspNetCore.OpenAIServerOptions))]
    [InlineData("Model", typeof(LanguageModelOptions))]
    public void Settings_Sections_AreTheServers(string section, Type options)
    {
        using var settings = JsonDocument.Parse(File.ReadAllBytes(Deployed("appsettings.json")));
        var properties = options.GetProperties().Select(property => property.Name);
        Assert.All(
            settings.RootElement.GetProperty(section).EnumerateObject(),
            setting => Assert.Contains(setting.Name, properties));
    }

    private static string Deployed(string name) => Path.Combine(SharedAssets.Repository, "deploy", name);

    private static string[] Arguments(string instruction) => JsonSerializer.Deserialize<string[]>(
        Dockerfile.Last(line => line.StartsWith(instruction, StringComparison.Ordinal))[instruction.Length..])!;
}
