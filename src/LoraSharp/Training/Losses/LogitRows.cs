using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Quantization;
using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Training.Losses;

/// <summary>Cross entropy over rows of logits (n, vocabulary) and its gradient in their place: two passes over memory, no copy in float32.</summary>
internal sealed unsafe class LogitRows(Tensor logits, Tensor targets)
{
    private readonly RowLoss[] _rows = new RowLoss[logits.shape[0]];

    /// <summary>Looks at every row. Σ of the negative log likelihoods and of those against the uniform distribution, entropies, and how often the largest logit is the target's.</summary>
    public (double Nll, double Uniform, double Entropy, long Correct) Measure()
    {
        ReadOnlySpan<long> wanted = TensorMemory.Span<long>(targets);
        foreach (long target in wanted)
        {
            if ((ulong)target >= (ulong)logits.shape[1])
            {
                throw new TrainingException($"A label is {target}, but the model's vocabulary has {logits.shape[1]} tokens. Labels are token ids of this model, or {CausalLoss.Ignored} where nothing is to be learnt.");
            }
        }

        var work = new MeasureWork(logits, targets, _rows);
        RowForms.Run(logits.dtype, ref work);
        double nll = 0, uniform = 0, entropy = 0;
        long correct = 0;
        for (int i = 0; i < _rows.Length; i++)
        {
            nll += _rows[i].Nll;
            uniform += _rows[i].LogSum - _rows[i].MeanLogit;
            entropy += _rows[i].Entropy;
            correct += _rows[i].Best == wanted[i] ? 1 : 0;
        }

        return (nll, uniform, entropy, correct);
    }

    /// <summary>Replaces the logits by factor · (softmax − (1 − smoothing)·onehot − smoothing / vocabulary); after <see cref="Measure"/>.</summary>
    public void ToGradient(float factor, float smoothing)
    {
        var work = new GradientWork(logits, targets, _rows, factor, smoothing);
        RowForms.Run(logits.dtype, ref work);
    }

    private readonly struct MeasureWork(Tensor logits, Tensor targets, RowLoss[] rows) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* x = (T*)TensorMemory.Pointer(logits);
            long* wanted = (long*)TensorMemory.Pointer(targets);
            int columns = checked((int)logits.shape[1]);
            RowLoss[] results = rows;
            KernelRows.Run(results.Length, columns, (start, end) =>
            {
                for (long row = start; row < end; row++)
                {
                    results[row] = LossKernels.Loss<TLanes, T>(x + (row * columns), columns, wanted[row]);
                }
            });
        }
    }

    private readonly struct GradientWork(Tensor logits, Tensor targets, RowLoss[] rows, float factor, float smoothing) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* x = (T*)TensorMemory.Pointer(logits);
            long* wanted = (long*)TensorMemory.Pointer(targets);
            int columns = checked((int)logits.shape[1]);
            RowLoss[] losses = rows;
            (float scale, float smooth) = (factor, smoothing);
            KernelRows.Run(losses.Length, columns, (start, end) =>
            {
                for (long row = start; row < end; row++)
                {
                    LossKernels.LossBackward<TLanes, T>(x + (row * columns), columns, wanted[row], losses[row], scale, smooth);
                }
            });
        }
    }
}
