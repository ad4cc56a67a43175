using System.Runtime.InteropServices;

namespace LoraSharp.Interop;

/// <summary>Memory that the native heap holds but nobody uses.</summary>
internal static partial class FreeMemory
{
    /// <summary>Gives it back to the system, where the C library can do so (glibc); elsewhere nothing happens.</summary>
    public static void Trim()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Another C library.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nint keep);
}
