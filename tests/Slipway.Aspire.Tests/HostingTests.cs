using System.Runtime.InteropServices;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Slipway.Aspire.Hosting;
using Slipway.Testing;

namespace Slipway.Aspire.Tests;

/// <summary>Holds the resources to the process that they describe and to what others learn of it.</summary>
public sealed class HostingTests
{
    [Fact]
    public async Task Server_OfTwoModels_IsTheToolWithItsPackages()
    {
        var builder = DistributedApplication.CreateBuilder();
        var key = builder.AddParameter("key", "secret value", secret: true);
        var server = builder.AddSlipway("ai").WithApiKey(key).WithArgs("--concurrent-requests", "8");
        var chat = server.AddModel("assistant", "packages/assistant");
        server.AddModel("embeddings", "/packages/minilm", "minilm");

        var resource = Assert.Single(builder.Resources.OfType<SlipwayResource>());
        Assert.Equal("slipway", resource.Command);
        Assert.Equal(builder.AppHostDirectory, resource.WorkingDirectory);
        Allocate(resource, 4711);
        var (arguments, environment) = await ResolveAsync(resource);
        Assert.Equal(
            [
                "serve", $"assistant={Path.Combine(builder.AppHostDirectory, "packages/assistant")}",
                "minilm=/packages/minilm", "--port", "4711", "--concurrent-requests", "8",
            ],
            arguments);
        Assert.Equal("secret value", environment["SLIPWAY_Server__ApiKeys__0"]);
        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT", environment.Keys);
        Assert.Equal(
            "Endpoint=http://localhost:4711/v1;Key=secret value;Model=assistant",
            await resource.ConnectionStringExpression.GetValueAsync(TestContext.Current.CancellationToken));
        Assert.Equal(
            "Endpoint=http://localhost:4711/v1;Key=secret value;Model=minilm",
            await resource.Models[1].ConnectionStringExpression.GetValueAsync(TestContext.Current.CancellationToken));
        Assert.Same(resource, chat.Resource.Parent);
        Assert.Single(resource.Annotations.OfType<HealthCheckAnnotation>());
    }

    [Fact]
    public async Task Application_ThatRefersToAModel_GetsItsConnectionString()
    {
        var builder = DistributedApplication.CreateBuilder();
        var server = builder.AddSlipway("ai", port: 8080, command: "/tools/slipway");
        var model = server.AddModel("assistant", "package");
        var app = builder.AddExecutable("app", "app", ".").WithReference(model).WithReference(server);

        Allocate(server.Resource, 8080);
        var environment = (await ResolveAsync(app.Resource)).Environment;
        Assert.Equal(
            "Endpoint=http://localhost:8080/v1;Model=assistant", environment["ConnectionStrings__assistant"]);
        Assert.Equal("Endpoint=http://localhost:8080/v1;Model=assistant", environment["ConnectionStrings__ai"]);
        Assert.Equal("/tools/slipway", server.Resource.Command);
        Assert.DoesNotContain(
            "SLIPWAY_Server__ApiKeys__0", (await ResolveAsync(server.Resource)).Environment.Keys);
    }

    [Fact]
    public void Model_OfAWrongName_IsRefused()
    {
        var server = DistributedApplication.CreateBuilder().AddSlipway("ai");
        server.AddModel("assistant", "package");
        Assert.StartsWith(
            "The server 'ai' has a model 'assistant'.",
            Assert.Throws<ArgumentException>(() => server.AddModel("other", "package", "assistant")).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "'a=b' is no model's name",
            Assert.Throws<ArgumentException>(() => server.AddModel("other", "package", "a=b")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Key_ThatIsNotSecret_IsRefused()
    {
        var builder = DistributedApplication.CreateBuilder();
        var key = builder.AddParameter("key", "open");
        Assert.StartsWith(
            "The parameter 'key' is not secret.",
            Assert.Throws<ArgumentException>(() => builder.AddSlipway("ai").WithApiKey(key)).Message,
            StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Application_RunByItsOrchestrator_ServesAndIsWell()
    {
        // 'dotnet restore tests/Slipway.Aspire.Tests -p:AspireOrchestrator=true' brings it.
        var orchestrator = Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages",
            $"aspire.hosting.orchestration.{RuntimeInformation.RuntimeIdentifier}", "13.6.5", "tools", "dcp");
        Assert.SkipUnless(File.Exists(orchestrator), $"'{orchestrator}' is not there.");
        var tool = Path.Combine(
            SharedAssets.Repository, "artifacts", "bin", "Slipway.Cli", "release", "Slipway.Cli.dll");
        Assert.SkipUnless(File.Exists(tool), $"'{tool}' is not there; build src/Slipway.Cli.");
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            // Without a dashboard its path is asked for all the same.
            DisableDashboard = true,
            Args = [$"--DcpPublisher:CliPath={orchestrator}", $"--DcpPublisher:DashboardPath={orchestrator}"],
        });
        var key = builder.AddParameter("key", "secret value", secret: true);
        var server = builder.AddSlipway("ai", command: "dotnet").WithApiKey(key)
            .WithArgs(context => context.Args.Insert(0, tool));
        server.AddModel("assistant", Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4"));
        await using var app = builder.Build();
        await app.StartAsync(TestContext.Current.CancellationToken);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("ai", TestContext.Current.CancellationToken);

        var client = Host.CreateEmptyApplicationBuilder(null);
        client.Configuration["ConnectionStrings:ai"]
            = await server.Resource.ConnectionStringExpression.GetValueAsync(TestContext.Current.CancellationToken);
        client.AddSlipwayChatClient("ai");
        using var host = client.Build();
        var answer = await host.Services.GetRequiredService<IChatClient>().GetResponseAsync(
            "Hello!", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("Hello! What can I do for you?", answer.Text);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<(List<string> Arguments, Dictionary<string, string> Environment)> ResolveAsync(
        IResource resource)
    {
        var configuration = await ExecutionConfigurationBuilder.Create(resource).WithArgumentsConfig()
            .WithEnvironmentVariablesConfig().BuildAsync(
                new DistributedApplicationExecutionContext(DistributedApplicationOperation.Run), NullLogger.Instance,
                TestContext.Current.CancellationToken);
        return ([.. configuration.Arguments.Select(argument => argument.Value)],
            configuration.EnvironmentVariables.ToDictionary());
    }

    private static void Allocate(SlipwayResource resource, int port)
    {
        var endpoint = Assert.Single(resource.Annotations.OfType<EndpointAnnotation>());
        endpoint.AllocatedEndpoint = new AllocatedEndpoint(
            endpoint, "localhost", port, targetPortExpression: $"{port}");
    }
}
