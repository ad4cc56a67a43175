using System.Runtime.InteropServices;
using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>
/// One block of memory in which the gradients of all trained parameters on the CPU are summed in place. Gradients of their own, made anew in each backward pass, would come to
/// lie in the holes that freed activations leave, and the heap would grow by a quarter from step to step.
/// </summary>
internal sealed unsafe class GradientMemory(IReadOnlyList<ParameterGroup> groups) : IDisposable
{
    private const nuint Alignment = 64;
    private readonly List<Place> _places = [];
    private long _bytes;
    private byte* _memory;

    /// <summary>Makes all gradients zero, before the first backward pass of a step.</summary>
    public void Clear()
    {
        if (_memory is null)
        {
            Allocate();
        }

        NativeMemory.Clear(_memory, (nuint)_bytes);
        foreach (Place place in _places)
        {
            place.Parameter.grad = place.Gradient;
            place.Version = TorchOperators.Version(place.Gradient);
        }
    }

    /// <summary>Takes the gradients away from parameters that no backward pass has reached: those are not stepped, as opposed to those whose gradient is zero.</summary>
    public void HideUnused()
    {
        foreach (Place place in _places)
        {
            if (TorchOperators.Version(place.Gradient) == place.Version)
            {
                place.Parameter.grad = null;
            }
        }
    }

    public void Dispose()
    {
        foreach (Place place in _places)
        {
            place.Parameter.grad = null;
            place.Gradient.Dispose();
        }

        _places.Clear();
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    private void Allocate()
    {
        Tensor[] parameters = [.. groups.SelectMany(group => group.Parameters).Select(parameter => parameter.Value).Where(p => KernelRows.Accepts(p) && p.is_contiguous())];
        _bytes = parameters.Sum(Padded);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, _bytes), Alignment);
        byte* next = _memory;
        foreach (Tensor parameter in parameters)
        {
            _places.Add(new Place(parameter, TensorMemory.View(next, parameter.shape, parameter.dtype).DetachFromDisposeScope()));
            next += Padded(parameter);
        }
    }

    private static long Padded(Tensor parameter)
    {
        long bytes = parameter.numel() * KernelTypes.Bytes(parameter.dtype), alignment = (long)Alignment;
        return (bytes + alignment - 1) / alignment * alignment;
    }

    private sealed class Place(Tensor parameter, Tensor gradient)
    {
        public Tensor Parameter => parameter;

        public Tensor Gradient => gradient;

        public long Version { get; set; }
    }
}
