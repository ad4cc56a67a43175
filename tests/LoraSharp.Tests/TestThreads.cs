using System.Runtime.CompilerServices;
using TorchSharp;

namespace LoraSharp.Tests;

/// <summary>
/// Tiny models are faster on one thread, and a second one only waits when the machine is busy; tests of real models ask for all.
/// </summary>
internal static class TestThreads
{
    [ModuleInitializer]
    internal static void UseOne() => torch.set_num_threads(1);

    public static IDisposable UseAll()
    {
        torch.set_num_threads(Environment.ProcessorCount);
        return new Restore();
    }

    private sealed class Restore : IDisposable
    {
        public void Dispose() => torch.set_num_threads(1);
    }
}
