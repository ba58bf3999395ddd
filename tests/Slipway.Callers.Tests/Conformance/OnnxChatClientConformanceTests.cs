using Slipway.Testing.Conformance;

namespace Slipway.Callers.Tests.Conformance;

/// <summary>Runs this library's client through the contract.</summary>
public class OnnxChatClientConformanceTests : ChatClientConformanceTests
{
    protected override IChatClient Client => DeviceAssistant.Client;

    protected override string? OverlongPrompt => string.Join(' ', Enumerable.Repeat("light", 2_000));
}

/// <summary>Runs the client through the contract where its model reasons.</summary>
public sealed class ReasoningConformanceTests : OnnxChatClientConformanceTests
{
    protected override IChatClient Client => DeviceAssistant.Reasoning;

    protected override ChatCapabilities Capabilities => base.Capabilities | ChatCapabilities.Reasoning;

    protected override ChatOptions NewOptions()
    {
        var options = base.NewOptions();
        options.Reasoning = new() { Effort = ReasoningEffort.Low };
        return options;
    }
}
