using Slipway.Testing;

namespace Slipway.Callers.Tests;

/// <summary>Clients over the repository's own model, which its tests share.</summary>
internal static class DeviceAssistant
{
    // The model's own template, but for the prompt's end: it opens the reasoning, as those of reasoning models do.
    private static readonly Lazy<OnnxChatClient> LazyReasoning = new(() => new(new OnnxChatClientOptions
    {
        PackagePath = Folder,
        ChatTemplate = File.ReadAllText(Path.Combine(Folder, "chat_template.jinja"))
            .Replace("{{- '<|assistant|>' }}", "{{- '<|assistant|><think>\\n' }}", StringComparison.Ordinal)
            + "{#- </think> #}",
    }));

    private static readonly Lazy<OnnxChatClient> LazyClient = new(() => new(Folder));

    public static string Folder => Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    /// <summary>The client; never disposed.</summary>
    public static OnnxChatClient Client => LazyClient.Value;

    /// <summary>A client whose model is made to reason, and would not end by itself; never disposed.</summary>
    public static OnnxChatClient Reasoning => LazyReasoning.Value;
}
