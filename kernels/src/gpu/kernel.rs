//! The shader as the device runs it: compiled, bound to buffers, dispatched.

use std::borrow::Cow;

use super::shader::{BINDINGS, ENTRY, SOURCE, WORKGROUP};

pub(super) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    /// How many invocations a workgroup has.
    workgroup: u32,
}

impl Kernel {
    pub(super) fn new(device: &wgpu::Device, workgroup: u32) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(ENTRY),
            source: wgpu::ShaderSource::Wgsl(Cow::Borrowed(SOURCE)),
        });
        let constants = [(WORKGROUP, f64::from(workgroup))];
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(ENTRY),
            layout: None,
            module: &module,
            entry_point: Some(ENTRY),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..Default::default()
            },
            cache: None,
        });
        Self { pipeline, workgroup }
    }

    /// Binds buffers to the variables of the shader, in their order.
    pub(super) fn bind(
        &self,
        device: &wgpu::Device,
        buffers: [&wgpu::Buffer; BINDINGS.len()],
    ) -> wgpu::BindGroup {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(buffers)
            .map(|(binding, it)| wgpu::BindGroupEntry { binding, resource: it.as_entire_binding() })
            .collect();
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(ENTRY),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Has an invocation run for each of so many ranges.
    pub(super) fn run(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        bindings: &wgpu::BindGroup,
        ranges: u64,
    ) {
        let workgroups = ranges.div_ceil(u64::from(self.workgroup));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.dispatch_workgroups(u32::try_from(workgroups).unwrap_or(u32::MAX), 1, 1);
    }
}
