using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>silu(gate) · up as one node (Shazeer 2020): its two inputs are all that is kept.</summary>
internal sealed unsafe class SwiGluFunction : SingleTensorFunction<SwiGluFunction>
{
    public override string Name => nameof(SwiGluFunction);

    /// <summary>gate and up of one shape and type.</summary>
    public static Tensor Apply(Tensor gate, Tensor up)
    {
        if (is_grad_enabled() && (gate.requires_grad || up.requires_grad))
        {
            return apply(gate, up);
        }

        using var scope = NewDisposeScope();
        return Compute(gate.contiguous(), up.contiguous()).MoveToOuterDisposeScope();
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor gate = (Tensor)vars[0], up = (Tensor)vars[1];
        ctx.save_for_backward([gate, up]);
        using var scope = NewDisposeScope();
        return Compute(gate.contiguous(), up.contiguous()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(2, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor gate = saved[0].contiguous(), up = saved[1].contiguous();
        var work = new BackwardWork(gate, up, grad_output.to(gate.dtype).contiguous(), empty_like(gate), empty_like(up));
        RowForms.Run(gate.dtype, ref work);
        return [work.GradGate, work.GradUp];
    });

    private static Tensor Compute(Tensor gate, Tensor up)
    {
        Tensor h = empty_like(gate);
        var work = new ForwardWork(gate, up, h);
        RowForms.Run(gate.dtype, ref work);
        return h;
    }

    private readonly struct ForwardWork(Tensor gate, Tensor up, Tensor h) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* a = (T*)TensorMemory.Pointer(gate), b = (T*)TensorMemory.Pointer(up), output = (T*)TensorMemory.Pointer(h);
            KernelRows.Run(gate.numel(), 1, (start, end) => GateKernels.SwiGlu<TLanes, T>(a + start, b + start, output + start, end - start));
        }
    }

    private readonly struct BackwardWork(Tensor gate, Tensor up, Tensor dh, Tensor gradGate, Tensor gradUp) : IRowWork
    {
        public Tensor GradGate => gradGate;

        public Tensor GradUp => gradUp;

        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* a = (T*)TensorMemory.Pointer(gate), b = (T*)TensorMemory.Pointer(up), d = (T*)TensorMemory.Pointer(dh), da = (T*)TensorMemory.Pointer(gradGate), db = (T*)TensorMemory.Pointer(gradUp);
            KernelRows.Run(gate.numel(), 1, (start, end) => GateKernels.SwiGluBackward<TLanes, T>(a + start, b + start, d + start, da + start, db + start, end - start));
        }
    }
}
