namespace Slipway.Engine.Execution.Providers;

/// <summary>Tells what a machine and the ONNX Runtime on it have.</summary>
internal interface IProviderMachine
{
    /// <summary>Tells whether ONNX Runtime was built with a provider.</summary>
    bool HasProvider(ExecutionProvider provider);

    /// <summary>Tells whether the system's loader finds a library.</summary>
    bool HasLibrary(string name);

    /// <summary>Describes the devices that ONNX Runtime finds for a provider, in their order.</summary>
    /// <exception cref="NotSupportedException">The provider's own library cannot be loaded.</exception>
    IReadOnlyList<string> Devices(ExecutionProvider provider);
}
