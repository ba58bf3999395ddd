using System.Diagnostics;
using System.Diagnostics.Metrics;
using Slipway.Telemetry;

namespace Slipway.Tests.Engine.Load;

/// <summary>What a process holds: memory, open files, threads by name.</summary>
internal static class ProcessState
{
    public const string LoadingThread = "slipway-load";
    public const string EngineThread = "Slipway engine";

    /// <summary>Resident bytes once nothing is left to collect.</summary>
    public static long ResidentBytes()
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>Open files of any kind, but for assemblies, which the runtime opens when it first needs them.</summary>
    public static int Handles()
    {
        var links = Directory.GetFiles("/proc/self/fd").Select(path => new FileInfo(path).LinkTarget);
        return links.Count(target => target?.EndsWith(".dll", StringComparison.Ordinal) == false);
    }

    /// <summary>
    /// Threads of a model: its own, and those of its session, which take the name of the thread that loads.
    /// </summary>
    public static int ModelThreads() => Directory.GetDirectories("/proc/self/task").Count(IsModelThread);

    /// <summary>Loads on a thread of a known name.</summary>
    public static LanguageModel Load(string package, LanguageModelOptions options)
    {
        LanguageModel? model = null;
        var thread = new Thread(() => model = LanguageModel.Load(package, options)) { Name = LoadingThread };
        thread.Start();
        thread.Join();
        return model!;
    }

    /// <summary>Waits until something holds; a bound far beyond any machine's slowness ends a wait in vain.</summary>
    public static async Task<bool> ComesTrueAsync(Func<bool> condition)
    {
        for (var i = 0; i < 1000; i++)
        {
            if (condition())
            {
                return true;
            }

            await Task.Delay(20);
        }

        return false;
    }

    /// <summary>Reads a model's gauge.</summary>
    public static double Gauge(string name, string package)
    {
        var value = double.NaN;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, owner) =>
        {
            if (instrument.Name == name && instrument.Meter.Name == SlipwayTelemetry.MeterName
                && instrument.Meter.Tags!.Any(tag => (string?)tag.Value == package))
            {
                owner.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, measured, _, _) => value = measured);
        listener.SetMeasurementEventCallback<int>((_, measured, _, _) => value = measured);
        listener.Start();
        listener.RecordObservableInstruments();
        return value;
    }

    private static bool IsModelThread(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "comm")).Trim() is LoadingThread or EngineThread;
        }
        catch (IOException)
        {
            // It ended in between.
            return false;
        }
    }
}

/// <summary>Tests that look at the whole process and so run beside no others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeProcess
{
    internal const string Name = "whole process";
}
