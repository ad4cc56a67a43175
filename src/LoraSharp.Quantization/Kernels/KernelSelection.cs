using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraSharp.Quantization;

/// <summary>
/// Chooses the form of the CPU kernels once, at the first use: the widest that the CPU has, or the one that the environment variable
/// <c>LORASHARP_ISA</c> names (scalar, vector128, avx2, avx512).
/// </summary>
public static class KernelSelection
{
    /// <summary>The environment variable that names a form.</summary>
    public const string EnvironmentVariable = "LORASHARP_ISA";

    private static volatile KernelSet? _current;

    /// <summary>The forms that this CPU can run, the widest last.</summary>
    public static IReadOnlyList<InstructionSet> Supported { get; } = [.. Enum.GetValues<InstructionSet>().Where(IsSupported)];

    /// <summary>The form in use. Setting it changes every later call in the process.</summary>
    /// <exception cref="PlatformNotSupportedException">The CPU cannot run that form.</exception>
    public static InstructionSet InstructionSet
    {
        get => Current.InstructionSet;
        set => _current = Create(value);
    }

    internal static KernelSet Current => _current ??= Create(Choose(Environment.GetEnvironmentVariable(EnvironmentVariable)));

    /// <summary>The form that a setting names; the widest where it is empty.</summary>
    internal static InstructionSet Choose(string? setting)
    {
        if (string.IsNullOrWhiteSpace(setting))
        {
            return Supported[^1];
        }

        return Enum.TryParse(setting.Trim(), ignoreCase: true, out InstructionSet form) && Enum.IsDefined(form)
            ? form
            : throw new PlatformNotSupportedException(
                $"{EnvironmentVariable} is '{setting}'; it must be one of {string.Join(", ", Enum.GetNames<InstructionSet>()).ToLowerInvariant()}.");
    }

    private static bool IsSupported(InstructionSet form) => form switch
    {
        InstructionSet.Scalar => true,
        InstructionSet.Vector128 => Vector128.IsHardwareAccelerated && (!X86Base.IsSupported || Sse41.IsSupported),
        InstructionSet.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        InstructionSet.Avx512 => Avx512F.VL.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported && Fma.IsSupported,
        _ => false,
    };

    private static KernelSet Create(InstructionSet form)
    {
        if (!IsSupported(form))
        {
            throw new PlatformNotSupportedException($"This CPU cannot run the {form} kernels; it supports {string.Join(", ", Supported)}.");
        }

        return KernelSet.Create(form);
    }
}
