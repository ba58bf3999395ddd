namespace Slipway.Engine.Execution.Providers;

/// <summary>Says in one sentence what keeps a provider from running on a machine, and the remedy.</summary>
internal static class ProviderChecks
{
    /// <summary>Looks for all that a provider and a device need; null where nothing is missing.</summary>
    /// <remarks>
    /// Where ONNX Runtime lists no devices though all libraries are there, as in some containers, the provider itself
    /// refuses a device that there is not.
    /// </remarks>
    public static string? WhyNot(ProviderChoice choice, IProviderMachine machine)
    {
        var provider = choice.Provider;
        if (provider.IsProcessor)
        {
            return null;
        }

        if (!machine.HasProvider(provider))
        {
            return $"ONNX Runtime's library here is without '{provider.Name}': reference the package "
                + $"'{provider.PackageName}' in the place of 'Slipway.Cpu'.";
        }

        if (provider.Driver is { } driver && !machine.HasLibrary(driver.Library))
        {
            return $"{Capital(driver.Words)} was not found ('{driver.Library}'): '{provider.Name}' runs on machines "
                + "with such a device and its driver.";
        }

        if (Absent(provider, machine) is { Count: > 0 } absent)
        {
            return $"'{provider.Name}' needs {string.Join(", ", absent.Select(name => $"'{name}'"))}, not found. "
                + provider.Remedy;
        }

        try
        {
            var devices = machine.Devices(provider);
            return devices.Count == 0 || choice.Device < devices.Count ? null
                : $"'{choice}' names device '{choice.Device}'; there "
                    + (devices.Count == 1 ? "is one: " : $"are {devices.Count}: ")
                    + string.Join(", ", devices.Select((device, place) => $"'{place}' ({device})")) + ".";
        }
        catch (NotSupportedException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>The libraries that a provider is linked to and that the loader does not find.</summary>
    public static IReadOnlyList<string> Absent(ExecutionProvider provider, IProviderMachine machine)
        => [.. provider.Libraries.Where(name => !machine.HasLibrary(name))];

    private static string Capital(string words) => $"{char.ToUpperInvariant(words[0])}{words[1..]}";
}
