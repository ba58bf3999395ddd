using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Hub;
using Slipway.Cli.Terminal;

namespace Slipway.Cli.Verbs;

/// <summary>Downloads a repository from a Hugging Face-compatible hub.</summary>
internal static class PullVerb
{
    public static Command Create(VerbContext context)
    {
        var name = new Argument<string>("NAME") { Description = "The repository, OWNER/NAME." };
        var revision = new Option<string?>("--revision")
        {
            Description = "A branch, a tag or a commit; 'main' unless told.",
        };
        var include = new Option<string[]>("--include")
        {
            Description = "Files to bring, as '*.safetensors'; may be repeated. All unless told.",
        };
        var exclude = new Option<string[]>("--exclude")
        {
            Description = "Files to leave, as 'onnx/*'; may be repeated.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "pull",
            "Download a model; an interrupted download goes on where it was. Other verbs know it as hf://OWNER/NAME. "
            + "HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE count. Example: slipway pull "
            + "HuggingFaceTB/SmolLM2-135M-Instruct")
        {
            name, revision, include, exclude, json,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var asked = HubName.Parse(result.GetRequiredValue(name), result.GetValue(revision));
            var pull = new HubPull(HubSettings.FromEnvironment(Environment.GetEnvironmentVariable));
            var report = await ProgressDisplay.RunAsync(context, "pull", progress => pull.RunAsync(
                asked, result.GetValue(include) ?? [], result.GetValue(exclude) ?? [], progress, cancellationToken))
                .ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["repository"] = report.Name.Repository,
                    ["revision"] = report.Name.Revision,
                    ["commit"] = report.Commit,
                    ["folder"] = report.Folder,
                    ["downloaded_bytes"] = report.DownloadedBytes,
                    ["files"] = new JsonArray([.. report.Files.Select(file => (JsonNode)new JsonObject
                    {
                        ["path"] = file.Path, ["bytes"] = file.Size, ["hash"] = file.Hash,
                    })]),
                });
            }
            else
            {
                context.Output.WriteLine(report.Folder);
                context.Error.WriteLine(
                    $"{report.Files.Count} files of '{report.Name.Repository}' at {report.Commit[..12]}, "
                    + $"{Amounts.Bytes(report.DownloadedBytes)} downloaded. Use it as {HubName.Scheme}"
                    + $"{report.Name.Repository}{(result.GetValue(revision) is { } other ? $"@{other}" : "")}.");
            }

            return 0;
        });
        return command;
    }
}
